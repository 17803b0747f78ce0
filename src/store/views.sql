-- views.sql - flows once more, under the names and in the units of other tools.
--
-- A query that somebody wrote for the other tool's records finds its columns here; docs/schema.md says
-- which of ours each is, and where its name and unit are laid down. What a case does not know is NULL, never
-- a guess. Nothing here calls a function that stock SQLite lacks. A column that has points in its name is a
-- member of nested objects, and `seine export` writes it so. That reads these texts as they are built in, and
-- not what stands in the case that it is given: of each the SELECT, from behind the line CREATE VIEW up to
-- the semicolon that ends a line.

-- Zeek's conn.log, one row a flow: names and types of Conn::Info, with the fields of the policies
-- vlan-logging, mac-logging and community-id-logging; and flow_id, to come back from it.
CREATE VIEW zeek_conn AS
    SELECT (first_ns / 1000 - (first_ns % 1000 < 0)) / 1e6 AS ts, -- seconds since 1970, to the microsecond
           printf('C%016x%x', first_ns, flow_id) AS uid,          -- of its own, the same at every ingest
           client_ip AS "id.orig_h",
           client_port AS "id.orig_p",                            -- of ICMP the type
           server_ip AS "id.resp_h",
           CAST(CASE protocol WHEN 'icmp' THEN                    -- of ICMP the type of the answer, or the code
               CASE client_port WHEN 8 THEN 0 WHEN 0 THEN 8 WHEN 13 THEN 14 WHEN 14 THEN 13 WHEN 15 THEN 16
                   WHEN 16 THEN 15 WHEN 10 THEN 9 WHEN 9 THEN 10 WHEN 17 THEN 18 WHEN 18 THEN 17
                   ELSE server_port END
           WHEN 'icmpv6' THEN
               CASE client_port WHEN 128 THEN 129 WHEN 129 THEN 128 WHEN 130 THEN 131 WHEN 131 THEN 130
                   WHEN 133 THEN 134 WHEN 134 THEN 133 WHEN 135 THEN 136 WHEN 136 THEN 135 WHEN 139 THEN 140
                   WHEN 140 THEN 139 WHEN 144 THEN 145 WHEN 145 THEN 144 ELSE server_port END
           ELSE server_port END AS INTEGER) AS "id.resp_p",
           CASE protocol WHEN 'icmpv6' THEN 'icmp' WHEN 'sctp' THEN 'unknown_transport' ELSE protocol END AS proto,
           NULL AS service,
           CASE WHEN last_ns > first_ns THEN (last_ns - first_ns) / 1000 / 1e6 END AS duration, -- seconds
           -- By sequence numbers and lengths in headers, so that what is missing or cut counts, and with what a
           -- tunnel carries; what came and is not kept is in client_bytes. NULL where duration is, as Zeek has it.
           CASE WHEN last_ns > first_ns THEN client_bytes + client_carried + coalesce((SELECT sum(length) FROM gaps AS g
               WHERE g.stream_id = 2 * f.flow_id AND g.cause NOT IN ('evicted', 'shed')), 0) END AS orig_bytes,
           CASE WHEN last_ns > first_ns THEN server_bytes + server_carried + coalesce((SELECT sum(length) FROM gaps AS g
               WHERE g.stream_id = 2 * f.flow_id + 1 AND g.cause NOT IN ('evicted', 'shed')), 0) END AS resp_bytes,
           CASE
           WHEN protocol <> 'tcp' THEN
               CASE WHEN protocol <> 'udp' THEN 'OTH' WHEN client_packets = 0 THEN 'SHR'
                    WHEN server_packets > 0 THEN 'SF' ELSE 'S0' END
           WHEN NOT history GLOB '*[Rr]*' THEN
               CASE WHEN instr(history, 'F') > 0 THEN
                        iif(instr(history, 'f') > 0, 'SF', iif(history GLOB '*[hs]*', 'S2', 'SH'))
                    WHEN instr(history, 'f') > 0 THEN
                        iif(instr(history, 'S') > 0 OR history GLOB '*h*[AD]*', 'S3', 'SHR')
                    WHEN history GLOB '*[hs]*' THEN
                        iif(instr(history, 'S') > 0 OR history GLOB '*h*[AD]*', 'S1', 'OTH')
                    WHEN instr(history, 'S') > 0 AND instr(history, 'd') = 0 THEN 'S0'
                    ELSE 'OTH' END
           -- A RST counts unless its sender and the other side both had sent a FIN: 'FfR', and 'FRf' as well.
           WHEN instr(history, 'r') > 0 AND NOT (history GLOB '*f*r*' AND instr(history, 'F') > 0
                AND NOT history GLOB '*R*F*') THEN
               CASE WHEN instr(history, 'S') > 0 AND NOT history GLOB '*[hsFR]*' THEN 'REJ'
                    WHEN instr(history, 'R') > 0 AND client_bytes = 0 AND server_bytes = 0 THEN 'REJ'
                    WHEN history GLOB '*[SFR]*' OR history GLOB '*h*[AD]*' THEN 'RSTR'
                    ELSE 'RSTRH' END
           WHEN instr(history, 'R') > 0 AND NOT (history GLOB '*F*R*' AND instr(history, 'f') > 0
                AND NOT history GLOB '*r*f*') THEN
               CASE WHEN history GLOB '*[hsf]*' THEN 'RSTO'
                    WHEN history GLOB '*S*R*' AND NOT history GLOB '*S*[HAFG]*R*' THEN 'RSTOS0'
                    ELSE 'OTH' END
           WHEN instr(history, 'F') > 0 THEN 'SF'           -- and 'f': else one of these two had counted
           ELSE 'OTH' END AS conn_state,
           NULL AS local_orig,                                    -- nobody said which networks are local
           NULL AS local_resp,
           coalesce((SELECT sum(missing) FROM streams
                      WHERE stream_id BETWEEN 2 * f.flow_id AND 2 * f.flow_id + 1), 0) AS missed_bytes,
           -- ^ where the responder's packet came first. C is for what is above IP: Zeek keeps no letter for a wrong
           -- checksum of the IP header.
           CASE WHEN protocol IN ('tcp', 'udp') THEN iif(history GLOB '[a-z]*', '^', '') ||
               iif(history GLOB '*[Cc]*' AND NOT EXISTS
                       (SELECT 1 FROM oddities AS o WHERE o.flow_id = f.flow_id AND o.kind = 'bad_checksum'),
                   replace(replace(history, 'C', ''), 'c', ''), history) END AS history,
           client_packets AS orig_pkts,
           client_ip_bytes AS orig_ip_bytes,
           server_packets AS resp_pkts,
           server_ip_bytes AS resp_ip_bytes,
           NULL AS tunnel_parents,                                -- there may be several: frames tell
           CAST(vlan AS INTEGER) AS vlan,
           CASE WHEN instr(vlan, '.') > 0
                THEN CAST(substr(vlan, instr(vlan, '.') + 1) AS INTEGER) END AS inner_vlan,
           client_mac AS orig_l2_addr,
           server_mac AS resp_l2_addr,
           community_id AS community_id,
           flow_id AS flow_id
      FROM flows AS f;

-- Suricata's record of a flow in EVE. One column a member, and not one JSON text a row: a condition then reads
-- the column, and json_extract() would have to parse each row for it.
CREATE VIEW eve_flow AS
    SELECT strftime('%Y-%m-%dT%H:%M:%S', last_ns / 1000000000 - (last_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%06d+0000', (last_ns % 1000000000 + 1000000000) % 1000000000 / 1000) AS timestamp,
           flow_id AS flow_id,
           (SELECT name FROM interfaces AS i WHERE i.evidence_id = f.evidence_id
               AND i.interface_id = f.interface_id) AS in_iface,
           'flow' AS event_type,
           '[' || replace(vlan, '.', ',') || ']' AS vlan,
           client_ip AS src_ip,
           CASE WHEN protocol NOT LIKE 'icmp%' THEN client_port END AS src_port,
           server_ip AS dest_ip,
           CASE WHEN protocol NOT LIKE 'icmp%' THEN server_port END AS dest_port,
           CASE protocol WHEN 'icmpv6' THEN 'IPv6-ICMP' ELSE upper(protocol) END AS proto,
           iif(instr(client_ip, ':') > 0, 6, 4) AS ip_v,
           CASE WHEN protocol LIKE 'icmp%' THEN client_port END AS icmp_type,
           CASE WHEN protocol LIKE 'icmp%' THEN server_port END AS icmp_code,
           CASE WHEN server_packets = 0 THEN NULL
                WHEN protocol = 'icmp' THEN
               CASE client_port WHEN 8 THEN 0 WHEN 13 THEN 14 WHEN 15 THEN 16 WHEN 10 THEN 9 WHEN 17 THEN 18 END
                WHEN protocol = 'icmpv6' THEN
               CASE client_port WHEN 128 THEN 129 WHEN 130 THEN 131 WHEN 133 THEN 134 WHEN 135 THEN 136
                   WHEN 139 THEN 140 WHEN 144 THEN 145 END END AS response_icmp_type,
           NULL AS app_proto,
           client_packets AS "flow.pkts_toserver",
           server_packets AS "flow.pkts_toclient",
           client_frame_bytes AS "flow.bytes_toserver",
           server_frame_bytes AS "flow.bytes_toclient",
           strftime('%Y-%m-%dT%H:%M:%S', first_ns / 1000000000 - (first_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%06d+0000', (first_ns % 1000000000 + 1000000000) % 1000000000 / 1000) AS "flow.start",
           strftime('%Y-%m-%dT%H:%M:%S', last_ns / 1000000000 - (last_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%06d+0000', (last_ns % 1000000000 + 1000000000) % 1000000000 / 1000) AS "flow.end",
           (last_ns / 1000000000 - (last_ns % 1000000000 < 0))
           - (first_ns / 1000000000 - (first_ns % 1000000000 < 0)) AS "flow.age",
           CASE WHEN state IN ('one_way', 'attempt', 'handshake') THEN 'new'
                WHEN state IN ('closed', 'rejected', 'reset') THEN 'closed'
                ELSE 'established' END AS "flow.state",
           CASE end_reason WHEN 'capture_end' THEN 'shutdown' WHEN 'reused' THEN 'forced'
                WHEN 'evicted' THEN 'forced' ELSE 'timeout' END AS "flow.reason",
           NULL AS "flow.alerted",
           CASE WHEN protocol = 'tcp' THEN printf('%02x', client_flags | server_flags) END AS "tcp.tcp_flags",
           CASE WHEN protocol = 'tcp' THEN printf('%02x', client_flags) END AS "tcp.tcp_flags_ts",
           CASE WHEN protocol = 'tcp' THEN printf('%02x', server_flags) END AS "tcp.tcp_flags_tc",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 2 THEN 1 END AS "tcp.syn",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 1 THEN 1 END AS "tcp.fin",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 4 THEN 1 END AS "tcp.rst",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 8 THEN 1 END AS "tcp.psh",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 16 THEN 1 END AS "tcp.ack",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 32 THEN 1 END AS "tcp.urg",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 64 THEN 1 END AS "tcp.ecn",
           CASE WHEN protocol = 'tcp' AND (client_flags | server_flags) & 128 THEN 1 END AS "tcp.cwr",
           CASE WHEN protocol <> 'tcp' THEN NULL
                WHEN state = 'attempt' THEN 'syn_sent'
                WHEN state = 'handshake' THEN 'syn_recv'
                WHEN state = 'closing' THEN iif(client_flags & 1, 'fin_wait1', 'close_wait')
                WHEN state IN ('closed', 'rejected', 'reset') THEN 'closed'
                ELSE 'established' END AS "tcp.state",
           CASE WHEN protocol = 'tcp' AND instr(history, 'g') > 0 THEN 1 END AS "tcp.tc_gap",
           CASE WHEN protocol = 'tcp' AND instr(history, 'G') > 0 THEN 1 END AS "tcp.ts_gap",
           community_id AS community_id
      FROM flows AS f;

-- The Elastic Common Schema. Bytes are those of the IP packets.
CREATE VIEW ecs_flow AS
    SELECT strftime('%Y-%m-%dT%H:%M:%S', first_ns / 1000000000 - (first_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%09dZ', (first_ns % 1000000000 + 1000000000) % 1000000000) AS "@timestamp",
           'event' AS "event.kind",
           'network' AS "event.category",
           'connection' AS "event.type",
           'network_flow' AS "event.action",
           strftime('%Y-%m-%dT%H:%M:%S', first_ns / 1000000000 - (first_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%09dZ', (first_ns % 1000000000 + 1000000000) % 1000000000) AS "event.start",
           strftime('%Y-%m-%dT%H:%M:%S', last_ns / 1000000000 - (last_ns % 1000000000 < 0), 'unixepoch')
           || printf('.%09dZ', (last_ns % 1000000000 + 1000000000) % 1000000000) AS "event.end",
           last_ns - first_ns AS "event.duration",
           client_ip AS "source.ip",
           CASE WHEN protocol NOT LIKE 'icmp%' THEN client_port END AS "source.port",
           upper(replace(client_mac, ':', '-')) AS "source.mac",
           client_packets AS "source.packets",
           client_ip_bytes AS "source.bytes",
           server_ip AS "destination.ip",
           CASE WHEN protocol NOT LIKE 'icmp%' THEN server_port END AS "destination.port",
           upper(replace(server_mac, ':', '-')) AS "destination.mac",
           server_packets AS "destination.packets",
           server_ip_bytes AS "destination.bytes",
           iif(instr(client_ip, ':') > 0, 'ipv6', 'ipv4') AS "network.type",
           CASE protocol WHEN 'icmpv6' THEN 'ipv6-icmp' ELSE protocol END AS "network.transport",
           CASE protocol WHEN 'tcp' THEN '6' WHEN 'udp' THEN '17' WHEN 'sctp' THEN '132' WHEN 'icmp' THEN '1'
                WHEN 'icmpv6' THEN '58' END AS "network.iana_number",
           NULL AS "network.protocol",
           client_packets + server_packets AS "network.packets",
           client_ip_bytes + server_ip_bytes AS "network.bytes",
           community_id AS "network.community_id",
           CAST(CAST(vlan AS INTEGER) AS TEXT) AS "network.vlan.id",
           CASE WHEN instr(vlan, '.') > 0
                THEN CAST(CAST(substr(vlan, instr(vlan, '.') + 1) AS INTEGER) AS TEXT) END AS "network.inner.vlan.id",
           flow_id AS flow_id
      FROM flows;

-- Information elements of IPFIX (RFC 7012 and IANA's registry); what the server sent bears the names of
-- RFC 5103, with reverse in front.
CREATE VIEW ipfix_flow AS
    SELECT flow_id AS flowId,
           first_ns AS flowStartNanoseconds,
           last_ns AS flowEndNanoseconds,
           CASE protocol WHEN 'tcp' THEN 6 WHEN 'udp' THEN 17 WHEN 'sctp' THEN 132 WHEN 'icmp' THEN 1
                WHEN 'icmpv6' THEN 58 END AS protocolIdentifier,
           CASE WHEN instr(client_ip, ':') = 0 THEN client_ip END AS sourceIPv4Address,
           CASE WHEN instr(server_ip, ':') = 0 THEN server_ip END AS destinationIPv4Address,
           CASE WHEN instr(client_ip, ':') > 0 THEN client_ip END AS sourceIPv6Address,
           CASE WHEN instr(server_ip, ':') > 0 THEN server_ip END AS destinationIPv6Address,
           CASE WHEN protocol NOT LIKE 'icmp%' THEN client_port END AS sourceTransportPort,
           CASE WHEN protocol NOT LIKE 'icmp%' THEN server_port END AS destinationTransportPort,
           CASE WHEN protocol = 'icmp' THEN client_port * 256 + server_port END AS icmpTypeCodeIPv4,
           CASE WHEN protocol = 'icmpv6' THEN client_port * 256 + server_port END AS icmpTypeCodeIPv6,
           client_packets AS packetTotalCount,
           client_ip_bytes AS octetTotalCount,
           client_frame_bytes AS layer2OctetTotalCount,
           server_packets AS reversePacketTotalCount,
           server_ip_bytes AS reverseOctetTotalCount,
           server_frame_bytes AS reverseLayer2OctetTotalCount,
           client_bytes + client_carried AS initiatorOctets,
           server_bytes + server_carried AS responderOctets,
           CASE WHEN protocol = 'tcp' THEN client_flags END AS tcpControlBits,
           CASE WHEN protocol = 'tcp' THEN server_flags END AS reverseTcpControlBits,
           client_min_ttl AS minimumTTL,
           server_min_ttl AS reverseMinimumTTL,
           client_mac AS sourceMacAddress,
           server_mac AS destinationMacAddress,
           CAST(vlan AS INTEGER) AS dot1qVlanId,
           CASE WHEN instr(vlan, '.') > 0
                THEN CAST(substr(vlan, instr(vlan, '.') + 1) AS INTEGER) END AS dot1qCustomerVlanId,
           interface_id AS ingressInterface,
           CASE end_reason WHEN 'timeout' THEN 1 WHEN 'capture_end' THEN 4 WHEN 'evicted' THEN 5
                ELSE 3 END AS flowEndReason,
           iif(client_guessed, 0, 1) AS biflowDirection
      FROM flows;
