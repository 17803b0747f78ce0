-- schema.sql - the tables of a case, version 1.
--
-- The names are promised to users: adding is free, changing is a new version (user_version). Times are
-- integer nanoseconds since 1970-01-01 UTC by the capture's clock. Nothing here calls a function that
-- stock SQLite lacks. Comments behind a column become docs/schema.md.

-- One row per run of seine that wrote into the case. The one table left out when cases are compared.
CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY,
    version TEXT NOT NULL,          -- of seine
    command TEXT NOT NULL,          -- the command line, arguments quoted as a shell would need them
    started_ns INTEGER NOT NULL,    -- by the wall clock
    ended_ns INTEGER,
    host TEXT,
    user TEXT,
    jobs INTEGER NOT NULL,
    memory INTEGER NOT NULL,        -- the budget in bytes
    seal TEXT                       -- SHA-256 over the rows of all other tables, at the end of this run
) STRICT;

-- One row per capture file or live interface.
CREATE TABLE evidence (
    evidence_id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL,
    source TEXT NOT NULL,           -- the path as given, '-' for standard input, or the interface
    kind TEXT NOT NULL,             -- file | live
    format TEXT NOT NULL,           -- pcap | pcapng | snoop | erf | pcap.gz | ...
    bytes INTEGER,                  -- of the file as it lies on the disk
    sha256 TEXT,                    -- of the file as it lies on the disk; NULL with --no-hash
    frames INTEGER NOT NULL,
    first_ns INTEGER,               -- the smallest time of its frames
    last_ns INTEGER,                -- the largest
    status TEXT NOT NULL,           -- open | complete | partial | interrupted
    options TEXT NOT NULL,          -- JSON: the options that change rows
    fingerprint TEXT                -- XXH3 over size, first and last MiB: knows a file again without its hash
) STRICT;

-- A fast checksum (XXH3, 64 bits, hex) of each 16 MiB of a file: says where it was changed.
CREATE TABLE evidence_blocks (
    evidence_id INTEGER NOT NULL,
    block INTEGER NOT NULL,         -- 0, 1, ...
    checksum TEXT NOT NULL,
    PRIMARY KEY (evidence_id, block)
) STRICT, WITHOUT ROWID;

-- The interfaces that a capture describes; a classic pcap has one.
CREATE TABLE interfaces (
    evidence_id INTEGER NOT NULL,
    interface_id INTEGER NOT NULL,  -- 0, 1, ... within the capture
    link_type INTEGER NOT NULL,     -- LINKTYPE_ value
    snap_len INTEGER,               -- bytes; NULL is no limit
    name TEXT,
    description TEXT,
    filter TEXT,
    ticks_per_second INTEGER NOT NULL,
    PRIMARY KEY (evidence_id, interface_id)
) STRICT, WITHOUT ROWID;

-- What became of the frames: each in exactly one verdict, so that they add up.
CREATE TABLE verdicts (
    evidence_id INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL,         -- as captured
    PRIMARY KEY (evidence_id, verdict)
) STRICT, WITHOUT ROWID;

-- One row per conversation.
CREATE TABLE flows (
    flow_id INTEGER PRIMARY KEY,
    evidence_id INTEGER NOT NULL,   -- of its first frame
    protocol TEXT NOT NULL,         -- tcp | udp | sctp | icmp | icmpv6
    client_ip TEXT NOT NULL,        -- canonical text (RFC 5952)
    client_port INTEGER NOT NULL,   -- for ICMP the type
    server_ip TEXT NOT NULL,
    server_port INTEGER NOT NULL,   -- for ICMP the code
    vlan TEXT,                      -- ids of the first frame, outermost first: '10' or '10.20'
    tunnel TEXT,                    -- the path through tunnels, outermost first: 'gre' or 'vxlan:7/gre:5'
    client_mac TEXT,
    server_mac TEXT,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    client_packets INTEGER NOT NULL,
    server_packets INTEGER NOT NULL,
    client_bytes INTEGER NOT NULL,  -- payload; for TCP each position once, for SCTP each DATA chunk
    server_bytes INTEGER NOT NULL,
    client_ip_bytes INTEGER NOT NULL,    -- IP headers included
    server_ip_bytes INTEGER NOT NULL,
    client_frame_bytes INTEGER NOT NULL, -- on the wire, link headers included
    server_frame_bytes INTEGER NOT NULL,
    client_retransmitted INTEGER NOT NULL, -- payload bytes that came again
    server_retransmitted INTEGER NOT NULL,
    client_flags INTEGER NOT NULL,  -- TCP flags, all that came, as bits
    server_flags INTEGER NOT NULL,
    client_min_ttl INTEGER,
    server_min_ttl INTEGER,
    handshake_rtt_ns INTEGER,       -- from the SYN to the client's ACK of the SYN-ACK
    history TEXT,                   -- Zeek's letters
    state TEXT NOT NULL,            -- one_way | two_way | attempt | handshake | established | midstream | closing | closed | rejected | reset
    end_reason TEXT NOT NULL,       -- capture_end | fin | reset | timeout | reused | evicted | open | interrupted | continued
    client_guessed INTEGER NOT NULL,-- 1 when no handshake said who the client is
    lossy INTEGER NOT NULL,         -- 1 when it lived in a second in which the capture lost frames
    community_id TEXT NOT NULL,     -- Community ID 1.0
    continues_flow_id INTEGER,      -- the flow of an earlier slice that this one goes on with
    interface_id INTEGER,           -- of the first frame, as in interfaces
    client_carried INTEGER NOT NULL,-- payload bytes of UDP that are packets of other flows, as in a tunnel; not in client_bytes
    server_carried INTEGER NOT NULL
) STRICT;

CREATE VIEW flow_times AS
    SELECT flow_id,
           strftime('%Y-%m-%dT%H:%M:%S', first_ns / 1000000000 - (first_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%09dZ', (first_ns % 1000000000 + 1000000000) % 1000000000) AS first,
           strftime('%Y-%m-%dT%H:%M:%S', last_ns / 1000000000 - (last_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%09dZ', (last_ns % 1000000000 + 1000000000) % 1000000000) AS last,
           (last_ns - first_ns) / 1e9 AS seconds
      FROM flows;

-- One row per address.
CREATE TABLE hosts (
    ip TEXT NOT NULL,               -- as in flows
    addr BLOB NOT NULL,             -- 16 bytes, network order, IPv4 as ::ffff:a.b.c.d
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    flows_as_client INTEGER NOT NULL,
    flows_as_server INTEGER NOT NULL,
    PRIMARY KEY (addr, ip)          -- an IPv6 address may look like a mapped IPv4 one
) STRICT, WITHOUT ROWID;

-- Every frame of a flow, as delta-coded blobs: read through frames(flow_id). docs/blobs.md has the format.
CREATE TABLE flow_frames (
    flow_id INTEGER NOT NULL,
    part INTEGER NOT NULL,          -- 0, 1, ...
    frames INTEGER NOT NULL,        -- in this part
    data BLOB NOT NULL,
    PRIMARY KEY (flow_id, part)
) STRICT, WITHOUT ROWID;

-- One row per direction that carried payload. stream_id = 2 * flow_id + (0 client, 1 server).
CREATE TABLE streams (
    stream_id INTEGER PRIMARY KEY,
    flow_id INTEGER NOT NULL,
    side TEXT NOT NULL,             -- client | server
    start INTEGER NOT NULL,         -- the lowest position present
    length INTEGER NOT NULL,        -- stored + missing + truncated
    stored INTEGER NOT NULL,        -- bytes present
    missing INTEGER NOT NULL,       -- bytes of its gaps, but for truncated ones and those at the tail
    truncated INTEGER NOT NULL,     -- bytes that the snap length cut
    missing_tail INTEGER NOT NULL,  -- bytes known to have come after the last one present
    conflicted INTEGER NOT NULL,    -- bytes in conflict rows
    verdict TEXT NOT NULL,          -- complete | gap | conflict | truncated | open | continued
    sha256 TEXT,                    -- of the bytes present under its policy, in order, gaps left out; NULL with --no-hash, and while it is open
    policy TEXT                     -- the overlap policy of its receiver (docs/policies.md); NULL is first
) STRICT;

-- Payload. Small streams have one row in stream_data; others, and what came to a small one after its row
-- was written, have rows in chunk_data. `chunks` is both. With `ingest --payload reference` only what came
-- compressed has rows: docs/schema.md says how a stream is laid out from its segments. Rows of a stream do
-- not overlap, and are never rewritten.
CREATE TABLE stream_data (
    stream_id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE chunk_data (
    chunk_id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    length INTEGER NOT NULL,
    part INTEGER NOT NULL,          -- none of its bytes came before this part of the stream's arrivals
    data BLOB NOT NULL
) STRICT;

CREATE INDEX chunk_data_place ON chunk_data (stream_id, position);

CREATE VIEW chunks AS
    SELECT stream_id, position, length(data) AS length, data FROM stream_data
    UNION ALL
    SELECT stream_id, position, length, data FROM chunk_data;

-- What is missing. Every missing or truncated byte lies in exactly one row.
CREATE TABLE gaps (
    stream_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    length INTEGER NOT NULL,
    cause TEXT NOT NULL,            -- capture_loss | network_loss | unknown | truncated | refused | evicted | shed
    tail INTEGER NOT NULL,          -- 1: behind the last byte present, outside the stream's length
    PRIMARY KEY (stream_id, position)
) STRICT, WITHOUT ROWID;

-- Later arrivals that say something else: for each, every maximal range of positions in which its
-- bytes differ from those kept, and came in one frame.
CREATE TABLE conflicts (
    conflict_id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    length INTEGER NOT NULL,
    kept BLOB NOT NULL,             -- the bytes in the chunks
    kept_evidence_id INTEGER NOT NULL,
    kept_frame INTEGER NOT NULL,    -- that brought the first of them
    other BLOB NOT NULL,            -- the bytes that lost
    other_evidence_id INTEGER NOT NULL,
    other_frame INTEGER NOT NULL
) STRICT;

-- Segments that are not in the stream, with their bytes.
CREATE TABLE refused (
    refused_id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    length INTEGER NOT NULL,        -- on the wire
    evidence_id INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    reason TEXT NOT NULL,           -- bad_checksum | out_of_window | before_start | keepalive | settled
                                    -- | no_memory | old_timestamp
    data BLOB NOT NULL,             -- as captured
    file_offset INTEGER,            -- of its first byte in the capture; NULL when it came in fragments, 0 when
                                    -- no capture has it
    time_ns INTEGER NOT NULL
) STRICT;

-- What is odd: one row per flow and kind, or per evidence and kind where there is no flow.
CREATE TABLE oddities (
    oddity_id INTEGER PRIMARY KEY,
    evidence_id INTEGER NOT NULL,   -- of the first frame
    flow_id INTEGER,
    kind TEXT NOT NULL,
    frame INTEGER,                  -- the first that was so
    last_frame INTEGER,
    count INTEGER NOT NULL,
    detail TEXT
) STRICT;

-- Comments and the like that a pcapng or the metadata of an ERF carry.
CREATE TABLE notes (
    note_id INTEGER PRIMARY KEY,
    evidence_id INTEGER NOT NULL,
    frame INTEGER,                  -- NULL: of the capture as a whole
    kind TEXT NOT NULL,             -- comment | hardware | os | application
    text TEXT NOT NULL
) STRICT;

-- Counters of the capturing side (cumulative): of a pcapng its interface statistics, of a snoop file
-- and an ERF what was lost before a frame; of a live interface a row a second while frames come, and one
-- for each step of what is done when they come too fast.
CREATE TABLE capture_stats (
    stat_id INTEGER PRIMARY KEY,
    evidence_id INTEGER NOT NULL,
    interface_id INTEGER NOT NULL,
    time_ns INTEGER,
    received INTEGER,               -- NULL: not said; those dropped by the system included
    dropped_by_interface INTEGER,   -- of a live interface: they never reached this machine's memory
    accepted_by_filter INTEGER,
    dropped_by_system INTEGER,      -- of a live interface: the ring had no room for them
    freezes INTEGER,                -- how often the ring became full
    dropped_by_backlog INTEGER,     -- by this machine's queues, of all interfaces together
    shed INTEGER,                   -- frames that were not kept, or their payload: too fast, or the disk full
    detail TEXT,                    -- a sentence: what was shed from here on, and why
    memory INTEGER,                 -- bytes that a live run had then, rings included; its budget is runs.memory
    discarded INTEGER               -- rx_dropped of the interface: dropped before, or after, they were captured
) STRICT;

-- Keys to encrypted traffic that a pcapng carries. A block of more than 1 MiB is several rows, in order, cut
-- at ends of lines where there are any.
CREATE TABLE secrets (
    secret_id INTEGER PRIMARY KEY,
    evidence_id INTEGER NOT NULL,
    type INTEGER NOT NULL,          -- secrets type of the pcapng block, 0x544c534b is a TLS key log
    data BLOB NOT NULL
) STRICT;

-- Every segment that carried payload, as delta-coded blobs: read through segments(stream_id).
-- docs/blobs.md has the format.
CREATE TABLE arrivals (
    stream_id INTEGER NOT NULL,
    part INTEGER NOT NULL,          -- 0, 1, ...
    segments INTEGER NOT NULL,      -- rows in this part
    low INTEGER NOT NULL,           -- the lowest position in it
    high INTEGER NOT NULL,          -- one past the highest
    data BLOB NOT NULL,
    PRIMARY KEY (stream_id, part)
) STRICT, WITHOUT ROWID;
