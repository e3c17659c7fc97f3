"""dhcp_client.py INTERFACE: asks for an address by raw frames and prints "address server router", or fails. Checksums of the answers
are not looked at: on the userspace datapath nobody fills them in."""
import fcntl
import random
import socket
import struct
import sys
import time

interface = sys.argv[1]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind((interface, 0))
mac = fcntl.ioctl(s, 0x8927, struct.pack('256s', interface.encode()))[18:24]
xid = random.getrandbits(32)


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def send(kind, options=b''):
    bootp = struct.pack('!BBBBIHHIIII16s64s128sI', 1, 1, 6, 0, xid, 0, 0x8000, 0, 0, 0, 0, mac, b'', b'', 0x63825363)
    bootp += bytes([53, 1, kind]) + options + bytes([55, 3, 1, 3, 6, 255])
    bootp += b'\0' * (300 - len(bootp))
    udp = struct.pack('!HHHH', 68, 67, 8 + len(bootp), 0) + bootp
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b'\0' * 4, b'\xff' * 4)
    head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
    s.send(b'\xff' * 6 + mac + b'\x08\x00' + head + udp)


def receive(kind, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            frame = s.recv(4096)
        except socket.timeout:
            return None
        if len(frame) < 282 or frame[23] != 17 or frame[34:38] != struct.pack('!HH', 67, 68):
            continue
        bootp = frame[42:]
        if struct.unpack('!I', bootp[4:8])[0] != xid:
            continue
        options, at = {0: bootp[16:20]}, 240
        while at < len(bootp) and bootp[at] != 255:
            if bootp[at] == 0:
                at += 1
                continue
            options[bootp[at]] = bootp[at + 2:at + 2 + bootp[at + 1]]
            at += 2 + bootp[at + 1]
        if options.get(53) == bytes([kind]):
            return options
    return None


for _ in range(3):
    send(1)
    offer = receive(2, 2)
    if not offer:
        continue
    send(3, bytes([50, 4]) + offer[0] + bytes([54, 4]) + offer[54])
    answer = receive(5, 2)
    if answer:
        print(' '.join(socket.inet_ntoa(answer.get(o, b'\0' * 4)) for o in (0, 54, 3)))
        sys.exit(0)
sys.exit(1)
