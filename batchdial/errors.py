"""What can go wrong, each with the sentence a person reads and the exit code a script reads."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command tells its caller; the numbers follow BSD's sysexits where there is one."""

    OK = 0  #: every dialable row is success
    UNFINISHED = 1  #: finished, with failed or unknown rows
    USAGE = 2  #: the command line was not understood
    NO_INPUT = 65  #: nothing usable in the file
    UNAVAILABLE = 69  #: service unreachable, or paused by a streak
    BUG = 70  #: a fault of this program
    CANNOT_WRITE = 73  #: ledger or results file not writable
    STOPPED = 75  #: stopped early, resumable
    KEY_REFUSED = 77  #: the service refused the key
    CONFIG = 78  #: bad configuration
    INTERRUPTED = 130  #: Ctrl-C
    TERMINATED = 143  #: SIGTERM or SIGHUP


class BatchDialError(Exception):
    """Base of all errors that are meant for a person; the message ends with the way out."""

    exit_code = ExitCode.USAGE


class ListError(BatchDialError):
    """The contact file cannot be used as it is."""

    exit_code = ExitCode.NO_INPUT


class QuestionError(ListError):
    """Two readings of a file are equally good; a person has to say which."""

    exit_code = ExitCode.USAGE


class ConfigError(BatchDialError):
    """A flag, variable or configuration file asks for something that cannot be."""

    exit_code = ExitCode.CONFIG


class DoNotCallError(ConfigError):
    """A do-not-call file cannot be used, or not any more: nobody is called without it."""


class LedgerError(BatchDialError):
    """The ledger cannot be opened, read or written."""

    exit_code = ExitCode.CANNOT_WRITE


class LedgerAwayError(LedgerError):
    """The ledger's database is busy or out of reach for now; it may be asked again."""


class LedgerDoubtError(LedgerError):
    """The ledger may not know every call that was made; a person has to vouch for it."""

    exit_code = ExitCode.USAGE


class CampaignBusyError(BatchDialError):
    """Another process is dialling this campaign."""

    exit_code = ExitCode.STOPPED


class PausedError(BatchDialError):
    """A person has paused the campaign."""

    exit_code = ExitCode.STOPPED


class LateError(BatchDialError):
    """A campaign that was to begin by itself comes too late to."""

    exit_code = ExitCode.STOPPED


class ServiceError(BatchDialError):
    """The service cannot be reached, or answers something that makes going on pointless."""

    exit_code = ExitCode.UNAVAILABLE


class KeyRefusedError(ServiceError):
    """The service does not accept the key."""

    exit_code = ExitCode.KEY_REFUSED


class OutputError(BatchDialError):
    """A file that was asked for cannot be written."""

    exit_code = ExitCode.CANNOT_WRITE
