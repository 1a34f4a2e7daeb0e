"""What a finding of the harmonised layer says to people after its number of rows, in Finnish and in English."""

TEXTS = {
    "absence_surplus": (
        "poissaoloa ei mahdu päivän tai kuukauden oppitunteihin; ylitystä ei lasketa.",
        "absences do not fit into the lessons of their day or month; the surplus is not counted.",
    ),
    "enrolment_overlap": (
        "opiskeluoikeutta menee päällekkäin; myöhempi ei tuo oppilaalle tunteja.",
        "enrolments overlap; the loser schedules no lessons.",
    ),
    "expired_2011": (
        "vanhan lain mukaista erityisen tuen jaksoa jatkuu 31.7.2026 jälkeen; taso on siitä alkaen tuntematon, kunnes "
        "uuden lain mukainen päätös tulee.",
        "periods of special support by the law of 2011 run past 31 July 2026; from then on the level is unknown, until "
        "a decision by the new law comes.",
    ),
    "extended_ignored": (
        "uuden lain mukaisella päätöksellä on merkintä pidennetystä oppivelvollisuudesta; merkintää ei lueta.",
        "decisions by the new law are marked with extended compulsory education; the mark is not read.",
    ),
    "mark_unmapped": (
        "tukirivillä on merkintä, jota ei ole sovittu ja joka voisi nostaa tasoa; taso on tuntematon. Sopikaa "
        "merkinnän merkityksestä (`tukiverkko unmapped`).",
        "support rows carry a mark that nobody has mapped and that could raise the level; it is unknown. Map it "
        "(`tukiverkko unmapped`).",
    ),
    "measures_without_level": (
        "tukiriviä kertoo tukitoimista mutta ei tuen muodosta; taso on tuntematon. Täydentäkää tuen muoto.",
        "support rows tell of measures but not of the kind of support; the level is unknown. Fill in the kind.",
    ),
    "placement_ignored": (
        "uuden lain mukaisella päätöksellä on vanhan lain toteutuspaikka; sitä ei lueta.",
        "decisions by the new law carry a placement of the law of 2011; it is not read.",
    ),
    "placement_missing": (
        "erityisen tuen jaksolta puuttuu toteutuspaikka; tasoksi luetaan S2 likimääräisesti. Täydentäkää paikka.",
        "periods of special support have no placement; the level counts as S2, approximately. Fill in the placement.",
    ),
    "regimes_overlap": (
        "tukijaksoa on voimassa samoina päivinä vanhan ja uuden lain mukaan; näiden päivien taso on tuntematon. "
        "Päättäkää jompikumpi jakso.",
        "support periods by the law of 2011 and by that of 2025 run on the same days, whose level is unknown. End "
        "one of them.",
    ),
    "rejected_row": (
        "tukiriviä hylättiin; oppilaan taso on tuntematon, kunnes korjattu rivi tulee.",
        "support rows were rejected; the pupil's level is unknown until the row comes corrected.",
    ),
    "same_regime_overlap": (
        "saman lain mukaista tukijaksoa menee päällekkäin; niinä päivinä luetaan ylempi taso.",
        "support periods by one law overlap; on these days the higher level counts.",
    ),
    "scheme_kind_disagree": (
        "tukirivillä laki (2011 tai 2025) ja tuen muoto ovat ristiriidassa; taso on tuntematon. Korjatkaa toinen.",
        "on support rows the law (2011 or 2025) and the kind of support disagree; the level is unknown. Correct one.",
    ),
    "starts_after_break": (
        "vanhan lain mukaista erityisen tuen jaksoa alkaa 1.8.2025 tai myöhemmin; taso on tuntematon. Tarkistakaa "
        "alkupäivä ja tuen muoto.",
        "periods of special support by the law of 2011 start on 1 August 2025 or later; the level is unknown. Check "
        "the start and the kind.",
    ),
    "starts_before_break": (
        "uuden lain mukaista päätöstä alkaa ennen 1.8.2025; sitä edeltävien päivien taso on tuntematon. Tarkistakaa "
        "alkupäivä.",
        "decisions by the new law start before 1 August 2025; until then the level is unknown. Check the start.",
    ),
    "support_code_unmapped": (
        "tukirivin koodin merkityksestä ei ole sovittu; taso on tuntematon. Sopikaa siitä (`tukiverkko unmapped`).",
        "support rows carry a code that nobody has mapped; the level is unknown. Map it (`tukiverkko unmapped`).",
    ),
    "tehostettu_clipped": (
        "tehostetun tuen jaksoa jatkuu lähteessä 31.7.2025 jälkeen; ne luetaan siihen päivään.",
        "periods of intensified support run past 31 July 2025 in the source; they count to that day.",
    ),
}
