"""The numbers that both ends of the socket keep to. Apart from the messages, which take a while to load."""

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 4 * 1024 * 1024
WINDOW_BYTES = 4 * 1024 * 1024
PING_AFTER_SECONDS = 15.0
SILENT_AFTER_SECONDS = 45.0
HEARTBEAT_SECONDS = 15.0  # of a stream that has nothing to say, lest it be taken for dead
MAX_NAME_BYTES = 512
MAX_NAMES_PER_RECORD = 10_000
MAX_SERIES_PER_RUN = 1_000_000
MAX_STEP = 2**53
MAX_JSON_DEPTH = 32
