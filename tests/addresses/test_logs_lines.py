"""What single lines of a log say, told right however they are written and whoever wrote part of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.addresses import lines as line_reading
from workbench.addresses.logs import FORMATS, read_log

PEER = "198.51.100.7"
PLANTED = "203.0.113.66"


def read(
    tmp_path: Path, lines: list[str], format: str, columns: str, year: int = 2026
) -> list[tuple[Any, ...]]:
    """The columns of the lines that were understood; the session is in a zone that is not UTC."""
    path = tmp_path / "sample.log"
    path.write_text("\n".join(lines) + "\n")
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'America/New_York'")
        read_log(con, path, format=format, name="sample", year=year)
        assert con.sql("SELECT current_setting('TimeZone')").fetchall() == [("America/New_York",)]
        return con.sql(f"SELECT {columns} FROM sample ORDER BY line").fetchall()


@pytest.mark.parametrize(
    ("message", "port", "user", "action"),
    [
        (f"Failed password for invalid user a from {PLANTED} port 1 ssh2 from {PEER} port 22 ssh2", 22, f"a from {PLANTED} port 1 ssh2", "failed"),
        (f"Invalid user x from {PLANTED} port 7 from {PEER} port 22", 22, f"x from {PLANTED} port 7", "invalid user"),
        (f"Invalid user Accepted from {PEER} port 22", 22, "Accepted", "invalid user"),
        (f"Received disconnect from {PEER} port 22:11: bye from {PLANTED} port 1", 22, None, "disconnected"),
        (f"Disconnected from invalid user z {PLANTED} port 1 {PEER} port 22 [preauth]", 22, f"z {PLANTED} port 1", "disconnected"),
        (f"Bad protocol version identification 'GET from {PLANTED} port 1' from {PEER} port 22", 22, None, "other"),
        (f"Unable to negotiate with {PEER} port 22: no matching key exchange. Their offer: x from {PLANTED} port 1", 22, None, "other"),
        (f'Accepted publickey for anna from {PEER} port 22 ssh2: RSA-CERT ID "x from {PLANTED} port 1" (serial 0)', 22, "anna", "accepted"),
        (f"error: maximum authentication attempts exceeded for root from {PEER} port 22 ssh2 [preauth]", 22, "root", "invalid user"),
        (f"Connection from {PEER} port 22 on 192.0.2.1 port 22", 22, None, "other"),
        (f"Connection closed by {PEER} port 22 [preauth]", 22, None, "closed"),
        (f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={PEER}  user=root", None, "root", "failed"),
        (f"reverse mapping checking getaddrinfo for evil.example [{PEER}] failed.", None, None, "other"),
    ],
)  # fmt: skip
def test_an_attacker_cannot_put_another_address_into_sshd(
    tmp_path: Path, message: str, port: int | None, user: str | None, action: str
) -> None:
    lines = [f"Oct  5 01:02:03 bastion sshd[4242]: {message}", f"<38>1 2026-10-05T01:02:03Z bastion sshd 42 - - {message}"]  # fmt: skip
    assert (
        read(tmp_path, lines, "sshd", 'src_ip, src_port, "user", action, host')
        == [(PEER, port, user, action, "bastion")] * 2
    )


def test_what_other_programs_write_down_is_not_sshd(tmp_path: Path) -> None:
    told = "Oct  5 01:02:03 web app[1]: got ' sshd[1]: Failed password for root from 203.0.113.66 port 1'"
    listening = "Oct  5 01:02:03 bastion sshd[1]: Server listening on 0.0.0.0 port 22."
    assert read(tmp_path, [told, listening], "sshd", "src_ip") == []


@pytest.mark.parametrize(
    ("stamp", "year", "moment"),
    [
        ("Oct  5 01:02:03", 2026, datetime(2026, 10, 5, 1, 2, 3)),
        ("Feb 29 01:02:03", 2026, datetime(2024, 2, 29, 1, 2, 3)),
        ("Feb 29 01:02:03", 2024, datetime(2024, 2, 29, 1, 2, 3)),
        ("<134>Oct  5 01:02:03", 2026, datetime(2026, 10, 5, 1, 2, 3)),
        ("<134>1 2026-10-05T01:02:03.5Z", 2026, datetime(2026, 10, 5, 1, 2, 3, 500000)),
        ("2026-10-05T01:02:03.000123+05:30", 2026, datetime(2026, 10, 4, 19, 32, 3, 123)),
        ("2026-10-05T01:02:03,250-0700", 2026, datetime(2026, 10, 5, 8, 2, 3, 250000)),
    ],
)
def test_times_are_utc_in_any_session(tmp_path: Path, stamp: str, year: int, moment: datetime) -> None:
    line = f"{stamp} fw kernel: DROP IN=eth0 OUT= SRC={PEER} DST=192.0.2.1 LEN=40 PROTO=ICMP TYPE=8"
    assert read(tmp_path, [line], "netfilter", "ts, host, src_port, protocol", year) == [
        (moment, "fw", None, "icmp")
    ]


def test_access_logs_with_virtual_hosts_proxies_and_quotes(tmp_path: Path) -> None:
    stamp = "[05/Oct/2026:01:02:05 -0700]"
    lines = [
        f'www.example.org {PEER} - - {stamp} "GET / HTTP/1.1" 200 5 "-" "-"',
        f'www.example.org:443 2001:db8::7 - anna {stamp} "GET / HTTP/1.1" 200 5 "-" "-"',
        f'{PEER}, 10.0.0.1 - john doe {stamp} "GET / HTTP/1.1" 200 5 "-" "-"',
        f'10.0.0.1 - - {stamp} "GET / HTTP/1.1" 200 5 "-" "curl/8" "{PEER}"',
        f'{PEER} - - {stamp} "GET /\\"{PLANTED}\\" HTTP/1.1" 404 - "-" "a \\"b\\" c\\\\" 0.003',
        f'{PEER} - - {stamp} "\\x16\\x03\\x01" 400 157 "-" "-"',
        f'host.example - - {stamp} "" 400 0 "-" "-"',
    ]
    assert read(tmp_path, lines, "combined", 'src_ip, host, "user", forwarded_for, action, bytes') == [
        (PEER, "www.example.org", None, None, "200", 5),
        ("2001:db8::7", "www.example.org:443", "anna", None, "200", 5),
        (PEER, None, "john doe", "10.0.0.1", "200", 5),
        ("10.0.0.1", None, None, PEER, "200", 5),
        (PEER, None, None, None, "404", None),
        (PEER, None, None, None, "400", 157),
        ("host.example", None, None, None, "400", 0),
    ]
    assert read(tmp_path, lines, "combined", "request, user_agent, ts")[4] == (
        f'GET /\\"{PLANTED}\\" HTTP/1.1', 'a \\"b\\" c\\\\', datetime(2026, 10, 5, 8, 2, 5),
    )  # fmt: skip


def test_asa_messages_of_many_kinds(tmp_path: Path) -> None:
    head = "<166>Oct  5 01:02:03 asa1 Oct 05 2026 01:02:03: %"
    lines = [
        head + f"ASA-6-302013: Built inbound TCP connection 8 for inside:{PEER}/12523 ({PEER}/12523) to NP Identity Ifc:192.0.2.1/22 (192.0.2.1/22)",
        head + f"ASA-6-302014: Teardown TCP connection 8 for inside:{PEER}/12523 to NP Identity Ifc:192.0.2.1/22 duration 0:00:53 bytes 2436 TCP FINs",
        head + f"ASA-6-302020: Built inbound ICMP connection for faddr {PEER}/1 gaddr 203.0.113.5/0 laddr 192.0.2.1/0",
        head + f"ASA-6-305011: Built dynamic TCP translation from inside:{PEER}/50123 to outside:192.0.2.1/50123",
        head + f"ASA-6-106015: Deny TCP (no connection) from {PEER}/2278 to 192.0.2.1/80 flags RST on interface inside",
        head + f"ASA-2-106006: Deny inbound UDP from {PEER}/53 to 192.0.2.1/137 on interface outside",
        head + f"ASA-4-106023: Deny icmp src outside:{PEER} dst inside:192.0.2.1 (type 8, code 0) by access-group \"out\" [0x0, 0x0]",
        head + f"ASA-6-302015: Built outbound UDP connection 9 for outside:192.0.2.1/53 (192.0.2.1/53)(LOCAL\\bob) to inside:{PEER}/40000 (203.0.113.5/40000)",
        head + "FTD-6-302013: Built inbound TCP connection 8 for outside:2001:db8::7/443 (2001:db8::7/443) to inside:2001:db8::1/22 (2001:db8::1/22)",
        head + "ASA-6-106015: Deny TCP (no connection) from 2001:db8::7/2278 to 2001:db8::1/80 flags RST on interface inside",
        head + f"ASA-3-710003: TCP access denied by ACL from {PEER}/4444 to outside:192.0.2.1/22",
    ]  # fmt: skip
    found = read(tmp_path, lines, "asa", "src_ip, src_port, dst_ip, dst_port, protocol")
    assert found == [
        (PEER, 12523, "192.0.2.1", 22, "tcp"),
        (PEER, 12523, "192.0.2.1", 22, "tcp"),
        (PEER, 1, "192.0.2.1", None, "icmp"),
        (PEER, 50123, "192.0.2.1", 50123, "tcp"),
        (PEER, 2278, "192.0.2.1", 80, "tcp"),
        (PEER, 53, "192.0.2.1", 137, "udp"),
        (PEER, None, "192.0.2.1", None, "icmp"),
        (PEER, 40000, "192.0.2.1", 53, "udp"),
        ("2001:db8::7", 443, "2001:db8::1", 22, "tcp"),
        ("2001:db8::7", 2278, "2001:db8::1", 80, "tcp"),
        (PEER, 4444, "192.0.2.1", 22, "tcp"),
    ]
    assert set(read(tmp_path, lines, "asa", "ts, host")) == {(datetime(2026, 10, 5, 1, 2, 3), "asa1")}


def test_palo_alto_fields_with_commas_in_quotes(tmp_path: Path) -> None:
    line = (
        f'1,2026/10/05 01:02:03,001,TRAFFIC,end,2561,2026/10/05 01:02:03,{PEER},192.0.2.1,0.0.0.0,0.0.0.0,"allow, web",'
        '"corp\\doe, anna",,ssl,vsys1,untrust,trust,ae1,ae2,fwd,2026/10/05 01:02:03,12345,1,51514,443,0,0,0x0,tcp,allow,'
        "5230,2000,3230,24,2026/10/05 01:01:50,10,any"
    )
    columns = 'src_ip, src_port, dst_port, rule, "user", bytes'
    assert read(tmp_path, [line], "paloalto", columns) == [
        (PEER, 51514, 443, "allow, web", "corp\\doe, anna", 5230)
    ]


def test_a_pfsense_line_without_its_host(tmp_path: Path) -> None:
    line = f"Oct  5 01:02:03 filterlog[42]: 5,,,1000000103,igb0,match,block,in,4,0x0,,52,1,0,DF,1,icmp,60,{PEER},192.0.2.1,request,1,2"
    columns = "src_ip, src_port, protocol, host, ts"
    assert read(tmp_path, [line], "pfsense", columns) == [
        (PEER, None, "icmp", None, datetime(2026, 10, 5, 1, 2, 3))
    ]


def test_fortigate_clocks_and_quotes(tmp_path: Path) -> None:
    head = "date=2026-10-05 time=03:02:03 "
    ends = f"logid=1 type=traffic subtype=forward srcip={PEER} srcport=1 dstip=192.0.2.1 dstport=2"
    lines = [
        f'<189>{head}devname=FGT tz="+0200" {ends} user="anna b" url="/ srcip={PLANTED} "',
        f"{head}{ends}",
        f"{head}eventtime=1791162123 {ends}",
        f"{head}eventtime=1791162123000000001 {ends} user=anna service=ssh",
    ]
    columns = 'src_ip, ts, "user"'
    assert read(tmp_path, lines, "fortigate", columns) == [
        (PEER, datetime(2026, 10, 5, 1, 2, 3), "anna b"),
        (PEER, datetime(2026, 10, 5, 3, 2, 3), None),
        (PEER, datetime(2026, 10, 5, 1, 2, 3), None),
        (PEER, datetime(2026, 10, 5, 1, 2, 3), "anna"),
    ]


def test_lines_keep_their_numbers_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_reading, "BLOCK", 100)
    good = f"Oct  5 01:02:03 fw kernel: IN=eth0 OUT= SRC={PEER} DST=192.0.2.1 LEN=40 PROTO=TCP SPT=1 DPT=2 "
    path = tmp_path / "mixed.log"
    path.write_text("".join(f"{good if n % 3 else f'junk {n}'}\r\n" for n in range(1, 100)))
    with duckdb.connect() as con:
        log = read_log(con, path)
        assert (log.rows, log.unparsed) == (66, 33)
        assert con.sql("SELECT line FROM mixed ORDER BY line").fetchall() == [
            (n,) for n in range(1, 100) if n % 3
        ]
        assert con.sql("FROM mixed_unparsed").fetchall() == [(n, f"junk {n}") for n in range(3, 100, 3)]


JUNK = st.lists(
    st.text(max_size=80)
    | st.sampled_from([
        '{"event_type": "x"', '{"id.orig_h": 7, "event_type": "alert", "src_ip": []}', "%ASA-6-302013: Built",
        "1,2026/10/05 01:02:03,,TRAFFIC,", "filterlog: 5,,,1,i,match,block,in,4,", "IN= OUT= SRC= DST= ",
        "Feb 31 99:99:99 h sshd[1]: Failed from 1.1.1.1 port 99999", "#fields\tx", "1.0\tC\t1.1.1.1\t1\t::1\tx\t", "-",
        '1.1.1.1 - - [99/Foo/2026:99:99:99 +9999] "" 1', "logid=1 srcip=1.1.1.1 eventtime=99999999999999999999",
        "2 1 eni-1 1.1.1.1 ::1 x y z 1 99999999999999999999 99999999999999999999 1 ACCEPT OK",
    ]),
    max_size=8,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(junk=JUNK)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_fails_the_file_and_none_is_lost(tmp_path: Path, name: str, junk: list[str]) -> None:
    lines = [line.replace("\r", " ").replace("\n", " ").replace("\x00", " ") for line in junk]
    path = tmp_path / "junk.log"
    path.write_text("\n".join(lines) + "\n", errors="replace")
    with duckdb.connect() as con:
        log = read_log(con, path, format=name, name="t")
        seen = con.sql("SELECT line FROM t UNION ALL SELECT line FROM t_unparsed ORDER BY line").fetchall()
    comment = FORMATS[name].comment
    with duckdb.connect() as con:
        wanted = [
            (number,)
            for number, line in enumerate(lines, 1)
            if con.execute("SELECT regexp_matches(?, '\\S') AND NOT (? AND regexp_matches(?, ?))",
                           [line, comment is not None, line, comment or ""]).fetchall()[0][0]
        ]  # fmt: skip
    assert seen == wanted
    assert log.rows + log.unparsed == len(wanted)
