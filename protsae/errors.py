"""The one exception for mistakes that a user can make and mend."""


class UserError(Exception):
    """Bad input or settings: ends a command with one line on stderr and exit status 2.

    The message names the file and record, what was found, what was expected and what to do.
    Anything else that is raised is a bug of ours and shows its traceback.

    Examples
    --------
    >>> str(UserError("x.fasta: no sequences found; expected FASTA records starting with '>'"))
    "x.fasta: no sequences found; expected FASTA records starting with '>'"
    """
