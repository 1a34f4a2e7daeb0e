"""What sqlfluff renders for dbt's cross-database macros, which it does not know: SQL of the same shape."""


def dateadd(datepart: str, interval: object, from_date_or_timestamp: str) -> str:
    """`interval` dateparts after a date."""
    return f"{from_date_or_timestamp} + ((interval '1 {datepart}') * ({interval}))"


def datediff(first_date: str, second_date: str, datepart: str) -> str:
    """Dateparts from the first date to the second."""
    return f"date_{datepart}s({first_date}, {second_date})"


def date_trunc(datepart: str, date: str) -> str:
    """The start of the datepart."""
    return f"date_trunc('{datepart}', {date})"


def last_day(date: str, datepart: str) -> str:
    """The last day of the datepart."""
    return f"last_day({date}, '{datepart}')"


def listagg(measure: str, delimiter_text: str = "','", order_by_clause: str = "", limit_num: int | None = None) -> str:
    """Texts of a group, one after the other."""
    return f"string_agg({measure}, {delimiter_text} {order_by_clause})"
