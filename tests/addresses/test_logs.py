"""Logs of every known format become tables with the same column names."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from workbench.addresses.lines import LinesError
from workbench.addresses.logs import FORMATS, detect, read_log

# For each format some lines, and for the first of them what is read.
LINES: dict[str, tuple[list[str], dict[str, object]]] = {
    "netfilter": (
        [
            "Oct  5 01:02:03 fw kernel: [123.456] DROP IN=eth0 OUT= MAC=52:54:00:12:34:56:52:54:00:65:43:21:08:00 SRC=198.51.100.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=1 DF PROTO=TCP SPT=51514 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0",
            "<4>Oct  5 01:02:03 fw kernel: nft accept IN=eth0 OUT=eth1 SRC=2001:db8::7 DST=2001:db8::1 LEN=80 TC=0 HOPLIMIT=52 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0",
            "2026-10-05T01:02:03.123456+02:00 fw kernel: REJECT IN=eth0 OUT= SRC=198.51.100.8 DST=192.0.2.1 LEN=40 PROTO=UDP SPT=1 DPT=53 LEN=20",
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 22, "protocol": "tcp", "action": "drop", "bytes": 60, "host": "fw"},
    ),
    "asa": (
        [
            'Oct  5 2026 01:02:03 asa1 : %ASA-4-106023: Deny tcp src outside:198.51.100.7/51514 dst inside:192.0.2.1/22 by access-group "out_in" [0x0, 0x0]',
            "Oct  5 2026 01:02:03 asa1 : %ASA-6-302013: Built inbound TCP connection 447235 for outside:198.51.100.9/4443 (198.51.100.9/4443) to dmz:192.0.2.5/443 (203.0.113.5/443)",
            "Oct  5 2026 01:02:04 asa1 : %ASA-6-302013: Built outbound TCP connection 447236 for outside:198.51.100.9/443 (198.51.100.9/443) to inside:10.1.1.5/50123 (203.0.113.5/50123)",
            "Oct  5 2026 01:02:05 asa1 : %ASA-6-302014: Teardown TCP connection 447235 for outside:198.51.100.9/4443 to dmz:192.0.2.5/443 duration 0:00:10 bytes 1523 TCP FINs",
            "Oct  5 2026 01:02:06 asa1 : %ASA-2-106001: Inbound TCP connection denied from 198.51.100.7/2222 to 192.0.2.1/80 flags SYN on interface outside",
            "Oct  5 2026 01:02:07 asa1 : %ASA-4-106100: access-list acl_out denied tcp outside/198.51.100.7(51514) -> inside/192.0.2.1(22) hit-cnt 1 first hit [0x0, 0x0]",
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 22, "protocol": "tcp", "action": "deny"},
    ),
    "paloalto": (
        [
            "Oct  5 01:02:03 pa-1 1,2026/10/05 01:02:03,001801000000,TRAFFIC,end,2561,2026/10/05 01:02:03,198.51.100.7,192.0.2.1,0.0.0.0,0.0.0.0,deny-all,corp\\anna,,ssl,vsys1,untrust,trust,ethernet1/1,ethernet1/2,forward,2026/10/05 01:02:03,12345,1,51514,443,0,0,0x0,tcp,allow,5230,2000,3230,24,2026/10/05 01:01:50,10,any",
            "1,2026/10/05 01:02:04,001801000000,THREAT,vulnerability,2561,2026/10/05 01:02:04,198.51.100.8,192.0.2.1,0.0.0.0,0.0.0.0,rule1,,,web-browsing,vsys1,untrust,trust,ethernet1/1,ethernet1/2,forward,2026/10/05 01:02:04,12346,1,40000,80,0,0,0x0,tcp,reset-both,index.html",
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 443, "protocol": "tcp", "action": "allow", "bytes": 5230, "packets": 24, "user": "corp\\anna", "application": "ssl"},
    ),
    "fortigate": (
        [
            'date=2026-10-05 time=01:02:03 devname="FGT60F" devid="FGT60FTK00000000" eventtime=1791162123000000000 tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=198.51.100.7 srcport=51514 srcintf="wan1" dstip=192.0.2.1 dstport=22 proto=6 action="deny" policyid=0 service="SSH" sentbyte=60 rcvdbyte=0 sentpkt=1 rcvdpkt=0',
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 22, "protocol": "tcp", "action": "deny", "bytes": 60, "packets": 1, "host": "FGT60F", "service": "SSH"},
    ),
    "pfsense": (
        [
            "Oct  5 01:02:03 pf filterlog[4321]: 5,,,1000000103,igb0,match,block,in,4,0x0,,52,12345,0,DF,6,tcp,60,198.51.100.7,192.0.2.1,51514,22,0,S,1234567890,,64240,,mss",
            "<134>1 2026-10-05T01:02:04+00:00 pf.example filterlog 4321 - - 5,,,1000000105,igb0,match,pass,out,6,0x00,0x00000,64,udp,17,52,2001:db8::1,2001:db8::53,40000,53,52",
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 22, "protocol": "tcp", "action": "block", "bytes": 60, "interface": "igb0", "direction": "in"},
    ),
    "vpcflow": (
        [
            "2 123456789010 eni-1235b8ca123456789 198.51.100.7 192.0.2.1 51514 22 6 20 4249 1791162123 1791162183 REJECT OK",
            "2 123456789010 eni-1235b8ca123456789 2001:db8::7 2001:db8::1 34892 22 6 54 8855 1791162123 1791162183 ACCEPT OK",
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 22, "protocol": "tcp", "action": "reject", "bytes": 4249, "packets": 20},
    ),
    "zeek": (
        [
            "#separator \\x09",
            "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\torig_pkts\tresp_pkts",
            "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tcount\tcount",
            "1791162123.000000\tCHhAvVGS1DHFjwGM9\t198.51.100.7\t51514\t192.0.2.1\t22\ttcp\tssh\t1.5\t100\t200\tSF\t5\t6",
            "1791162124.000000\tCHhAvVGS1DHFjwGM8\t2001:db8::7\t40000\t2001:db8::1\t53\tudp\t-\t-\t-\t-\tS0\t1\t0",
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 22, "protocol": "tcp", "action": "sf", "bytes": 300, "packets": 11, "service": "ssh"},
    ),
    "zeek-json": (
        [
            '{"ts":1791162123.0,"uid":"CHhAvVGS1DHFjwGM9","id.orig_h":"198.51.100.7","id.orig_p":51514,"id.resp_h":"192.0.2.1","id.resp_p":22,"proto":"tcp","service":"ssh","conn_state":"SF","orig_bytes":100,"resp_bytes":200,"orig_pkts":5,"resp_pkts":6}',
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "bytes": 300, "packets": 11},
    ),
    "suricata": (
        [
            '{"timestamp":"2026-10-05T03:02:03.000000+0200","flow_id":1,"event_type":"alert","src_ip":"198.51.100.7","src_port":51514,"dest_ip":"192.0.2.1","dest_port":22,"proto":"TCP","alert":{"action":"blocked","signature":"ET SCAN SSH","severity":2}}',
            '{"timestamp":"2026-10-05T01:02:04.000000+0000","event_type":"dns","src_ip":"2001:db8::7","src_port":40000,"dest_ip":"2001:db8::53","dest_port":53,"proto":"UDP"}',
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "dst_ip": "192.0.2.1", "dst_port": 22, "protocol": "tcp", "action": "blocked", "event_type": "alert", "signature": "ET SCAN SSH", "severity": 2},
    ),
    "combined": (
        [
            '198.51.100.7 - anna [05/Oct/2026:03:02:03 +0200] "GET /a?b=\\"c\\" HTTP/1.1" 200 5326 "https://example.org/" "Mozilla/5.0 (X11)"',
            '2001:db8::7 - - [05/Oct/2026:01:02:04 +0000] "POST /login HTTP/2.0" 401 -',
            'www.example.org:443 198.51.100.8 - - [05/Oct/2026:01:02:05 +0000] "-" 408 0 "-" "-"',
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "action": "200", "bytes": 5326, "user": "anna", "referrer": "https://example.org/", "user_agent": "Mozilla/5.0 (X11)"},
    ),
    "sshd": (
        [
            "Oct  5 01:02:03 bastion sshd[4242]: Failed password for invalid user admin from 198.51.100.7 port 51514 ssh2",
            "Oct  5 01:02:04 bastion sshd[4243]: Accepted publickey for anna from 2001:db8::7 port 40000 ssh2: ED25519 SHA256:abc",
            "Oct  5 01:02:05 bastion sshd-session[4244]: Connection closed by authenticating user root 198.51.100.8 port 40001 [preauth]",
            "Oct  5 01:02:06 bastion sshd[4245]: Invalid user test from 198.51.100.9 port 40002",
        ],
        {"ts": datetime(2026, 10, 5, 1, 2, 3), "src_ip": "198.51.100.7", "src_port": 51514, "action": "failed", "user": "admin", "host": "bastion", "method": "password"},
    ),
}  # fmt: skip


def write(tmp_path: Path, lines: list[str]) -> Path:
    path = tmp_path / "sample.log"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_format_is_tried() -> None:
    assert set(LINES) == set(FORMATS)


@pytest.mark.parametrize("name", LINES)
def test_a_log_is_known_by_its_lines_and_read(tmp_path: Path, name: str) -> None:
    lines, expected = LINES[name]
    path = write(tmp_path, lines)
    assert detect(path) == name
    with duckdb.connect() as con:
        log = read_log(con, path, year=2026)
        rows = con.table("sample").order("line").to_arrow_table().to_pylist()
    comments = sum(line.startswith("#") for line in lines)
    assert (log.format, log.rows, log.unparsed) == (name, len(lines) - comments, 0)
    assert {key: rows[0][key] for key in expected} == expected
    assert rows[0]["line"] == comments + 1
    assert all(row["src_ip"] for row in rows)


def test_what_is_read_of_the_other_lines(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        for name in LINES:
            read_log(con, write(tmp_path, LINES[name][0]), name=name, year=2026)

        def column(table: str, names: str) -> list[tuple[object, ...]]:
            return con.sql(f'SELECT {names} FROM "{table}" ORDER BY line').fetchall()

        assert column("netfilter", "src_ip, action, ts")[1:] == [
            ("2001:db8::7", "accept", datetime(2026, 10, 5, 1, 2, 3)),
            ("198.51.100.8", "reject", datetime(2026, 10, 4, 23, 2, 3, 123456)),
        ]
        assert column("asa", "src_ip, src_port, dst_ip, dst_port, message")[1:] == [
            ("198.51.100.9", 4443, "192.0.2.5", 443, "ASA-6-302013"),
            ("10.1.1.5", 50123, "198.51.100.9", 443, "ASA-6-302013"),
            ("198.51.100.9", 4443, "192.0.2.5", 443, "ASA-6-302014"),
            ("198.51.100.7", 2222, "192.0.2.1", 80, "ASA-2-106001"),
            ("198.51.100.7", 51514, "192.0.2.1", 22, "ASA-4-106100"),
        ]
        assert column("pfsense", "src_ip, src_port, dst_ip, dst_port, protocol, action, ts")[1] == (
            "2001:db8::1", 40000, "2001:db8::53", 53, "udp", "pass", datetime(2026, 10, 5, 1, 2, 4),
        )  # fmt: skip
        assert column("combined", "src_ip, host, action")[1:] == [
            ("2001:db8::7", None, "401"),
            ("198.51.100.8", "www.example.org:443", "408"),
        ]
        assert column("sshd", 'src_ip, action, "user"')[1:] == [
            ("2001:db8::7", "accepted", "anna"), ("198.51.100.8", "closed", "root"), ("198.51.100.9", "invalid user", "test"),
        ]  # fmt: skip
        assert column("zeek", "src_ip, service, bytes")[1] == ("2001:db8::7", None, 0)


def test_lines_not_understood_are_kept_with_their_number(tmp_path: Path) -> None:
    good = LINES["netfilter"][0][0]
    path = write(tmp_path, [good, "Oct  5 01:02:04 fw ker", "", good, "\x07junk", good])
    with duckdb.connect() as con:
        log = read_log(con, path)
        assert (log.rows, log.unparsed) == (3, 2)
        assert con.sql("FROM sample_unparsed").fetchall() == [(2, "Oct  5 01:02:04 fw ker"), (5, "\x07junk")]
        assert con.sql("SELECT line FROM sample ORDER BY line").fetchall() == [(1,), (4,), (6,)]


def test_malformed_addresses_stay_as_written(tmp_path: Path) -> None:
    path = write(tmp_path, [LINES["netfilter"][0][0].replace("198.51.100.7", "999.1.2.3")])
    with duckdb.connect() as con:
        read_log(con, path)
        assert con.sql("SELECT src_ip FROM sample").fetchall() == [("999.1.2.3",)]


def test_a_header_decides_the_columns_of_vpc_flow_logs(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [
            "version srcaddr dstaddr dstport action pkt-srcaddr",
            "3 198.51.100.7 192.0.2.1 443 ACCEPT 10.0.0.1",
            "broken",
        ],
    )
    assert detect(path) == "vpcflow"
    with duckdb.connect() as con:
        log = read_log(con, path)
        assert con.sql("SELECT src_ip, dst_ip, dst_port, action FROM sample").fetchall() == [
            ("198.51.100.7", "192.0.2.1", 443, "accept")
        ]
        assert log.unparsed == 1


def test_a_time_without_year_is_never_in_the_future(tmp_path: Path) -> None:
    path = write(tmp_path, [LINES["netfilter"][0][0].replace("Oct  5", "Dec 31")])
    with duckdb.connect() as con:
        read_log(con, path)
        (moment,) = con.sql("SELECT ts FROM sample").fetchall()[0]
    assert moment < datetime.now()


def test_a_compressed_log_is_read_and_a_damaged_one_refused(tmp_path: Path) -> None:
    data = gzip.compress(("\n".join(LINES["combined"][0]) + "\n").encode() * 500)
    (tmp_path / "access.log.gz").write_bytes(data)
    (tmp_path / "cut.log.gz").write_bytes(data[:-30])
    with duckdb.connect() as con:
        assert read_log(con, tmp_path / "access.log.gz").rows == 1500
        with pytest.raises(LinesError, match=r"cut\.log\.gz"):
            read_log(con, tmp_path / "cut.log.gz", format="combined")
        assert [name for (name,) in con.sql("SHOW TABLES").fetchall()] == ["access", "access_unparsed"]


def test_an_unknown_format_is_told_with_the_choice(tmp_path: Path) -> None:
    path = write(tmp_path, ["nothing of the kind"])
    assert detect(path) is None
    with duckdb.connect() as con:
        with pytest.raises(ValueError, match="say which"):
            read_log(con, path)
        with pytest.raises(ValueError, match="there are: netfilter"):
            read_log(con, path, format="nonsense")


def test_names_from_the_file_are_never_taken_for_sql(tmp_path: Path) -> None:
    path = tmp_path / 'x"; DROP TABLE keep; --.log'
    path.write_text(LINES["sshd"][0][0] + "\n'; DROP TABLE keep; --\n")
    with duckdb.connect() as con:
        con.execute("CREATE TABLE keep AS SELECT 1")
        read_log(con, path, name='a"b')
        assert con.sql("SELECT count(*) FROM keep").fetchall() == [(1,)]
