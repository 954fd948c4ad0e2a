"""Tables of what students may answer, for the tests of the checks."""


def cases(table):
    """[(check, answer, diagnosis), …] of {check: [(answer, diagnosis), …]}."""
    return [(check, answer, diagnosis) for check, mistakes in table.items() for answer, diagnosis in mistakes]
