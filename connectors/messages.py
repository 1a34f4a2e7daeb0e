"""What a municipality is told of a rejected row, in Finnish and English."""

from datetime import date

# What a person calls a dataset.
DATASETS_FI = {
    "enrolment": "Opiskeluoikeudet",
    "absence": "Poissaolot",
    "support": "Tuki",
    "school_day": "Työpäivät",
}

# rule → Finnish, English. {column} is the source's column, {detail} what the rule itself knows, {value} the value where
# it may be shown (else nothing).
MESSAGES = {
    "ragged_row": (
        "Rivillä on väärä määrä kenttiä. Tarkista erottimet ja lainausmerkit.",
        "The row has a wrong number of fields. Check its delimiters and quotes.",
    ),
    "unreadable_cell": (
        "{column}: solussa on virhe tai kaava, jonka tulosta ei ole tallennettu.",
        "{column}: the cell holds an error, or a formula whose result was not stored.",
    ),
    "required": ("{column}: arvo puuttuu.", "{column}: the value is missing."),
    "unparsable": (
        "{column}: arvoa{value} ei voi lukea; oikea muoto on esimerkiksi {detail}.",
        "{column}: the value{value} cannot be read; the right form is for example {detail}.",
    ),
    "out_of_range": (
        "{column}: arvo{value} ei ole sallituissa rajoissa ({detail}).",
        "{column}: the value{value} is outside {detail}.",
    ),
    "invalid_hetu": (
        "{column}: henkilötunnuksen muoto tai tarkistusmerkki on väärä.",
        "{column}: the personal identity code's form or check character is wrong.",
    ),
    "invalid_oppijanumero": (
        "{column}: oppijanumeron muoto on väärä.",
        "{column}: the learner id has the wrong form.",
    ),
    "not_a_code": (
        "{column}: arvo ei ole koodistossa ja voisi olla muuta kuin koodi, joten sitä ei tallenneta.",
        "{column}: the value is in no code list and could be something else than a code, so it is not stored.",
    ),
    "unknown_school": (
        "{column}: koulua ei ole kunnan koululuettelossa (schools.csv).",
        "{column}: the school is not in the municipality's list (schools.csv).",
    ),
    "valid_to_before_valid_from": (
        "{column}: loppupäivä on ennen alkupäivää.",
        "{column}: the last day is before the first.",
    ),
    "ends_before_starts": (
        "{column}: poissaolo päättyy ennen alkuaan.",
        "{column}: the absence ends before it starts.",
    ),
    "outside_window": (
        "{column}: päivä{value} ei ole toimituksen päivien {detail} joukossa.",
        "{column}: the day{value} is not one of the delivery's days {detail}.",
    ),
    "outside_school_year": (
        "{column}: päivä{value} ei kuulu lukuvuoteen {detail}.",
        "{column}: the day{value} is not in the school year {detail}.",
    ),
    "unknown_pupil": (
        "{column}: oppilaalla ei ole opiskeluoikeutta tässä toimituksessa.",
        "{column}: the pupil has no enrolment in this delivery.",
    ),
    "parent_rejected": (
        "{column}: oppilaan opiskeluoikeuden rivi hylättiin, joten tätäkään riviä ei voi käyttää.",
        "{column}: the pupil's enrolment was rejected, so what hangs on it cannot be used.",
    ),
    "duplicate": ("Sama tietue on jo tässä toimituksessa.", "The same record is in this delivery already."),
    "superseded": (
        "Tietueesta on uudempi versio tässä toimituksessa.",
        "A newer version of the record is in this delivery.",
    ),
    "conflicting_versions": (
        "Samasta tietueesta on kaksi erisisältöistä versiota, eikä tiedetä, kumpi pätee.",
        "The same record comes with two contents, and none of them can be known to hold.",
    ),
}


def finnish_day(day: date) -> str:
    """`3.2.2026`: how every message to a municipality writes a day."""
    return f"{day.day}.{day.month}.{day.year}"
