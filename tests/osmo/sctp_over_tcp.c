/*
 * SCTP over TCP: lets osmo-msc run where the kernel has no SCTP.
 *
 * The MSC listens for the packet core on SGs, which is SGsAP over SCTP (3GPP TS 29.118), and exits when it cannot
 * open that socket. Preloaded into it, this file makes the socket a TCP one. Nothing else in the MSC changes.
 *
 * TCP has no message boundaries and an SGsAP message has no length, so each message travels as a record: two octets of length
 * in network order, then the message. The test phone (tests/src/osmo/sgsap.rs) does the same.
 *
 *     gcc -shared -fPIC -o sctp_over_tcp.so sctp_over_tcp.c -ldl
 *     LD_PRELOAD=./sctp_over_tcp.so osmo-msc -c osmo-msc.cfg
 *
 * What it covers is what Debian 12's libosmocore and libosmo-netif call on such a socket; each function says who calls it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum {
	LENGTH_OCTETS = 2,
	RECORD_MAX = 4096,	/* far above any SGsAP message */
	REST_WAIT_MS = 1000,	/* how long the rest of a record that has begun may take */
	SCTP_EVENTS_OPTION = 11,
	SCTP_EVENTS_SIZE = 14,
};

/* The C library's own function of that name, looked up once. */
#define REAL(result, name, ...)                                          \
	static result (*real)(__VA_ARGS__);                              \
	if (!real)                                                       \
		real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

/* An SCTP socket becomes a TCP socket; all others stay what they are. */
int socket(int domain, int type, int protocol)
{
	REAL(int, socket, int, int, int);
	if (protocol == IPPROTO_SCTP) {
		int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
		return real(domain, SOCK_STREAM | flags, IPPROTO_TCP);
	}
	return real(domain, type, protocol);
}

/* Options of the SCTP layer (events, no-delay, streams) have no meaning on TCP: agreed to and forgotten. */
int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	REAL(int, setsockopt, int, int, int, const void *, socklen_t);
	if (level == IPPROTO_SCTP)
		return 0;
	return real(fd, level, option, value, size);
}

/* All SCTP options read as zero. libosmo-netif asks for SCTP_EVENTS only to learn how large the kernel's structure is. */
int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	REAL(int, getsockopt, int, int, int, void *, socklen_t *);
	if (level == IPPROTO_SCTP) {
		memset(value, 0, *size);
		if (option == SCTP_EVENTS_OPTION && *size > SCTP_EVENTS_SIZE)
			*size = SCTP_EVENTS_SIZE;
		return 0;
	}
	return real(fd, level, option, value, size);
}

/* libosmocore binds a multi-homed socket with this. The harness configures one IPv4 address. */
int sctp_bindx(int fd, struct sockaddr *addresses, int count, int flags)
{
	(void)flags;
	if (count != 1 || addresses->sa_family != AF_INET) {
		errno = EINVAL;
		return -1;
	}
	return bind(fd, addresses, sizeof(struct sockaddr_in));
}

/* libosmocore connects to the signalling gateway of a radio network with this. There is none: nothing leaves this process. */
int sctp_connectx(int fd, struct sockaddr *addresses, int count, void *association)
{
	(void)fd, (void)addresses, (void)count, (void)association;
	errno = ECONNREFUSED;
	return -1;
}

/* Reads exactly `size` octets. The socket is non-blocking, so it waits, for a bounded time. 1: read; 0: peer closed; -1: error. */
static int read_exactly(int fd, uint8_t *into, size_t size)
{
	size_t have = 0;
	while (have < size) {
		ssize_t n = recv(fd, into + have, size - have, 0);
		if (n > 0) {
			have += (size_t)n;
		} else if (n == 0) {
			return 0;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			struct pollfd readable = { .fd = fd, .events = POLLIN };
			if (poll(&readable, 1, REST_WAIT_MS) <= 0) {
				errno = ETIMEDOUT;
				return -1;
			}
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 1;
}

/* The MSC reads one SGsAP message with this, when the socket is readable, and closes the connection on any error. */
int sctp_recvmsg(int fd, void *message, size_t size, struct sockaddr *from, socklen_t *from_size, void *info, int *flags)
{
	uint8_t length[LENGTH_OCTETS];
	(void)from, (void)from_size;
	if (info)
		memset(info, 0, 32); /* struct sctp_sndrcvinfo: stream 0, payload protocol 0, as SGsAP has it */
	if (flags)
		*flags = MSG_EOR; /* a whole message, and not a notification */

	int result = read_exactly(fd, length, sizeof(length));
	if (result <= 0)
		return result;
	size_t octets = (size_t)length[0] << 8 | length[1];
	if (octets == 0 || octets > size) {
		errno = EMSGSIZE;
		return -1;
	}
	result = read_exactly(fd, message, octets);
	return result <= 0 ? result : (int)octets;
}

/* libosmo-netif sends one message with this. Length and message go out in one write, which loopback takes whole or not at all. */
int sctp_send(int fd, const void *message, size_t size, const void *info, int flags)
{
	uint8_t record[LENGTH_OCTETS + RECORD_MAX];
	(void)info;
	if (size == 0 || size > RECORD_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	record[0] = (uint8_t)(size >> 8);
	record[1] = (uint8_t)size;
	memcpy(record + LENGTH_OCTETS, message, size);

	ssize_t sent = send(fd, record, LENGTH_OCTETS + size, flags | MSG_NOSIGNAL);
	if (sent < 0)
		return -1;
	if ((size_t)sent != LENGTH_OCTETS + size) {
		errno = EPIPE; /* half a record cannot be taken back */
		return -1;
	}
	return (int)size;
}
