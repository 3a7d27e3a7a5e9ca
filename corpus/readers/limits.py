"""Say how much one file may take: bytes, unpacked bytes, members, seconds, memory."""

from __future__ import annotations

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Bytes: some 20,000 articles as JSON lines; a file is read into memory as a whole."""

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
"""Bytes that all members of one archive may unpack to: four times the largest file."""

MAX_MEMBER_BYTES = MAX_FILE_BYTES
"""Bytes that one member may unpack to: what a file of its own may have."""

MAX_PAGE_BYTES = 10_000_000
"""Bytes: the largest news pages seen have 3 MB, most of it scripts."""

MAX_PART_BYTES = 32 * 1024 * 1024
"""Bytes of one part of a document: the XML of a novel has 5 MB."""

MAX_RATIO = 200
"""Unpacked bytes for each packed one: HTML and XML come to 5 to 20, spreadsheets to 50, deflate's
bombs to 1,000."""

FREE_BYTES = 1024 * 1024
"""Bytes up to which the ratio does not count: short files of blanks pack well."""

MAX_MEMBERS = 20_000
"""Members of an archive: a decade of a small paper; a hundred bytes of memory each."""

MAX_SECONDS = 30.0
"""Seconds for one file or member in the sandbox: the slowest page of shared/bench/extraction takes
one, a PDF of 500 pages some twenty."""

MAX_MEMORY_BYTES = 512 * 1024 * 1024
"""Bytes of address space of the sandbox: its libraries take 80 MB of it, a page of 8 MB 300, and a
run over bad files is to stay under 600 MB."""

MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""Bytes of what the sandbox may hand back: more than the text of any file within the limits."""
