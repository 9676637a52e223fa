/*
 * An SMPP 3.4 centre that does nothing but answer, so that it is never what limits a sender: binds, submissions and
 * enquiries get their response at once, and nothing is kept. One thread, epoll; prints its port, serves until its
 * standard input closes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEADER = 16,              /* section 3.2 */
	LONGEST = 8192,           /* what a sender may send at most */
	BUFFER = 1 << 18,
	BIND_TRANSCEIVER = 0x09,  /* section 5.1.2.1 */
	SUBMIT_SM = 0x04,
	UNBIND = 0x06,
	ENQUIRE_LINK = 0x15,
};

struct session {
	int socket;
	size_t length;
	uint8_t in[BUFFER];
};

static uint8_t out[2 * BUFFER];
static uint32_t messages;

static uint32_t get(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return ntohl(value);
}

static void put(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof value);
}

/* The response to one request, its octets behind `at`; how many there are. */
static size_t answer(const uint8_t *pdu, uint8_t *at)
{
	uint32_t command = get(pdu + 4);
	size_t body = 0;
	if (command == SUBMIT_SM)
		body = (size_t)sprintf((char *)at + HEADER, "%x", ++messages) + 1;
	else if (command == BIND_TRANSCEIVER)
		body = (size_t)sprintf((char *)at + HEADER, "sink") + 1;
	else if (command != UNBIND && command != ENQUIRE_LINK)
		return 0;
	put(at, (uint32_t)(HEADER + body));
	put(at + 4, command | 0x80000000u);
	put(at + 8, 0);
	put(at + 12, get(pdu + 12));
	return HEADER + body;
}

/* Zero when the session is over. */
static int serve(struct session *session)
{
	ssize_t got = read(session->socket, session->in + session->length, BUFFER - session->length);
	if (got <= 0)
		return 0;
	session->length += (size_t)got;
	size_t done = 0, ready = 0;
	while (session->length - done >= HEADER) {
		uint32_t length = get(session->in + done);
		if (length < HEADER || length > LONGEST)
			return 0;
		if (session->length - done < length)
			break;
		/* A response is never longer than two of the shortest requests. */
		ready += answer(session->in + done, out + ready);
		done += length;
	}
	memmove(session->in, session->in + done, session->length - done);
	session->length -= done;
	for (size_t sent = 0; sent < ready;) {
		ssize_t some = write(session->socket, out + sent, ready - sent);
		if (some <= 0)
			return 0;
		sent += (size_t)some;
	}
	return 1;
}

int main(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0), yes = 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	if (bind(listener, (void *)&address, size) || listen(listener, 16) ||
	    getsockname(listener, (void *)&address, &size)) {
		perror("sink");
		return 1;
	}
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	/* The end of the program that started this one closes standard input. */
	event = (struct epoll_event){.events = EPOLLIN | EPOLLHUP, .data.ptr = NULL};
	epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (;;) {
		struct epoll_event events[16];
		int count = epoll_wait(poller, events, 16, -1);
		for (int i = 0; i < count; i++) {
			if (!events[i].data.ptr)
				return 0;
			if (events[i].data.ptr == &listener) {
				struct session *session = calloc(1, sizeof *session);
				session->socket = accept(listener, NULL, NULL);
				setsockopt(session->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
				event = (struct epoll_event){.events = EPOLLIN, .data.ptr = session};
				epoll_ctl(poller, EPOLL_CTL_ADD, session->socket, &event);
				continue;
			}
			struct session *session = events[i].data.ptr;
			if (!serve(session)) {
				close(session->socket);
				free(session);
			}
		}
	}
}
