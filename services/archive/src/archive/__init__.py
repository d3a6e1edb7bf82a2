"""Filing reports, and keeping the record; the chassis comes first, as it leaves out what nobody uses."""

import chassis as chassis
