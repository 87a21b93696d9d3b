"""The decision matrix of the reference page on law, typed from it a second time.

What is off until counsel enables it is in brackets; `own` is a justice record under local law.
"""

COLUMNS = ["identity", "mh-summary", "mh-detail", "sud", "part2", "notes", "clinical", "risk", "criminal-history"]
MATRIX = """
correctional-health | own | T K U E O | T K U E O | T K U E O | S U E O   | NC | T K U E O | U   | -
custody             | own | K U J O   | (K)       | K U J O   | U O       | -  | (K)       | own | own
pretrial            | own | U O       | O (U)     | U O       | C X O (U) | -  | (U)       | own | own
defense             | own | U O       | U O       | U O       | U X O     | NC | U O       | own | own
prosecution         | own | O (U)     | O         | O (U)     | C X O     | -  | O         | own | own
court               | own | U O       | O         | U O       | C X O     | O  | O         | own | own
supervision         | own | U O       | (U)       | U O       | C X O (U) | -  | O (U)     | own | own
covered-entity      | U   | T U E O   | T U E O   | T U E O   | S U E O   | NC | T U E O   | U   | -
part2-program       | U   | T U E O   | T U E O   | T U E O   | S U E O   | NC | T U E O   | U   | -
exchange            | Q   | Q         | Q         | Q         | Q U       | -  | Q         | (Q) | (Q)
social-services     | U   | U J       | (U)       | U         | U         | -  | (U)       | -   | -
managed-care        | U   | U (T)     | (U)       | U (T)     | S U       | -  | U (T)     | -   | -
law-enforcement     | own | U J O     | -         | O (U)     | O         | -  | -         | -   | own
vendor              | Q   | Q         | Q         | Q         | Q         | -  | Q         | (Q) | (Q)
not-covered         | (U) | (U)       | -         | (U)       | -         | -  | -         | -   | -
"""


def cell(entity, column):
    """What law allows, and what is off, for one kind of recipient and one kind of data."""
    for line in MATRIX.strip().splitlines():
        name, *cells = (part.strip() for part in line.split("|"))
        if name == entity:
            words = cells[COLUMNS.index(column)].split()
            allowed = {word for word in words if word != "-" and not word.startswith("(")}
            return allowed, {word.strip("()") for word in words if word.startswith("(")}
    raise KeyError(entity)
