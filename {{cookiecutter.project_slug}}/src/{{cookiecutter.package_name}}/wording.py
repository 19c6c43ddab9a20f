def counted(number: int, one: str) -> str:
    """'1 record', '2 records'"""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
