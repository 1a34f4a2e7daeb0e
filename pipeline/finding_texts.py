"""What a finding of the harmonised layer says to people beside its number of rows, in Finnish and in English.

In the plural, which fits one row as well: "Rivejä: 1. Opiskeluoikeuksia menee päällekkäin …".
"""

TEXTS = {
    "absence_surplus": (
        "Poissaoloja ei mahdu päivän tai kuukauden oppitunteihin; ylitystä ei lasketa.",
        "Absences do not fit into the lessons of their day or month; the surplus is not counted.",
    ),
    "enrolment_overlap": (
        "Opiskeluoikeuksia menee päällekkäin; myöhemmin alkanut on voimassa, eikä toinen enää sen jälkeen tuo "
        "oppilaalle tunteja. Tarkistakaa alku- ja loppupäivät.",
        "Enrolments overlap; the one that started later holds, and the other schedules no lessons from then on. Check "
        "their first and last days.",
    ),
    "expired_2011": (
        "Vanhan lain mukaisia erityisen tuen jaksoja jatkuu 31.7.2026 jälkeen; taso on siitä alkaen tuntematon, kunnes "
        "uuden lain mukainen päätös tulee.",
        "Periods of special support by the law of 2011 run past 31 July 2026; from then on the level is unknown, until "
        "a decision by the new law comes.",
    ),
    "extended_ignored": (
        "Uuden lain mukaisilla päätöksillä on merkintä pidennetystä oppivelvollisuudesta; merkintää ei lueta.",
        "Decisions by the new law are marked with extended compulsory education; the mark is not read.",
    ),
    "mark_unmapped": (
        "Tukiriveillä on merkintöjä, joiden merkityksestä ei ole sovittu ja jotka voisivat nostaa tasoa; taso on "
        "tuntematon. Sopikaa merkintöjen merkityksestä (`tukiverkko unmapped`).",
        "Support rows carry a mark that nobody has mapped and that could raise the level; it is unknown. Map it "
        "(`tukiverkko unmapped`).",
    ),
    "measures_without_level": (
        "Tukirivit kertovat tukitoimista mutta eivät tuen lajista; taso on tuntematon. Täydentäkää tuen laji "
        "(tehostettu tuki, erityinen tuki tai tukea koskeva päätös).",
        "Support rows tell of measures but not of the kind of support; the level is unknown. Fill in the kind.",
    ),
    "placement_ignored": (
        "Uuden lain mukaisilla päätöksillä on vanhan lain toteutuspaikka; sitä ei lueta.",
        "Decisions by the new law carry a placement of the law of 2011; it is not read.",
    ),
    "placement_missing": (
        "Erityisen tuen jaksoilta puuttuu toteutuspaikka; tasoksi luetaan S2 likimääräisesti. Täydentäkää paikka.",
        "Periods of special support have no placement; the level counts as S2, approximately. Fill in the placement.",
    ),
    "regimes_overlap": (
        "Tukijaksoja on voimassa samoina päivinä vanhan ja uuden lain mukaan; näiden päivien taso on tuntematon. "
        "Merkitkää toiselle jaksolle loppupäivä.",
        "Support periods by the law of 2011 and by that of 2025 run on the same days, whose level is unknown. End "
        "one of them.",
    ),
    "rejected_row": (
        "Tukirivejä hylättiin; oppilaan taso on tuntematon, kunnes korjattu rivi tulee.",
        "Support rows were rejected; the pupil's level is unknown until the row comes corrected.",
    ),
    "same_regime_overlap": (
        "Saman lain mukaisia tukijaksoja menee päällekkäin; niinä päivinä luetaan ylempi taso.",
        "Support periods by one law overlap; on these days the higher level counts.",
    ),
    "scheme_kind_disagree": (
        "Tukiriveillä laki (2011 tai 2025) ja tuen laji ovat ristiriidassa; taso on tuntematon. Korjatkaa jompikumpi.",
        "On support rows the law (2011 or 2025) and the kind of support disagree; the level is unknown. Correct one.",
    ),
    "starts_after_break": (
        "Vanhan lain mukaisia erityisen tuen jaksoja alkaa 1.8.2025 tai myöhemmin; taso on tuntematon. Tarkistakaa "
        "alkupäivä ja tuen laji.",
        "Periods of special support by the law of 2011 start on 1 August 2025 or later; the level is unknown. Check "
        "the start and the kind.",
    ),
    "starts_before_break": (
        "Uuden lain mukaisia päätöksiä alkaa ennen 1.8.2025; sitä edeltävien päivien taso on tuntematon. Tarkistakaa "
        "alkupäivä.",
        "Decisions by the new law start before 1 August 2025; until then the level is unknown. Check the start.",
    ),
    "support_code_unmapped": (
        "Tukirivien koodien merkityksestä ei ole sovittu; taso on tuntematon. Sopikaa siitä (`tukiverkko unmapped`).",
        "Support rows carry a code that nobody has mapped; the level is unknown. Map it (`tukiverkko unmapped`).",
    ),
    "tehostettu_clipped": (
        "Tehostetun tuen jaksoja jatkuu lähteessä 31.7.2025 jälkeen; ne luetaan mukaan siihen päivään asti.",
        "Periods of intensified support run past 31 July 2025 in the source; they count to that day.",
    ),
}
