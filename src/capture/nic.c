/* nic.c - asks the system about its network interfaces. */
#include "capture/nic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool name_request(struct ifreq *request, const char *name)
{
    memset(request, 0, sizeof(*request));
    if (strlen(name) >= sizeof(request->ifr_name))
        return false;
    memcpy(request->ifr_name, name, strlen(name));
    return true;
}

enum status nic_find(struct nic *nic, int socket, const char *name, struct error *err)
{
    struct ifreq request;

    if (!name_request(&request, name))
        return error_set(err, "%s: the name of an interface has at most %zu letters", name,
                         sizeof(request.ifr_name) - 1);
    if (ioctl(socket, SIOCGIFINDEX, &request) < 0)
        return error_set(err, "%s: %s", name,
                         errno == ENODEV ? "there is no such interface" : strerror(errno));
    nic->index = (unsigned)request.ifr_ifindex;
    if (ioctl(socket, SIOCGIFHWADDR, &request) < 0)
        return error_set(err, "%s: cannot find out its type: %s", name, strerror(errno));
    nic->hardware = request.ifr_hwaddr.sa_family;
    if (ioctl(socket, SIOCGIFFLAGS, &request) < 0)
        return error_set(err, "%s: cannot find out whether it is up: %s", name, strerror(errno));
    nic->up = (request.ifr_flags & IFF_UP) != 0;
    return STATUS_OK;
}

bool nic_is_there(int socket, unsigned index)
{
    struct ifreq request;

    memset(&request, 0, sizeof(request));
    request.ifr_ifindex = (int)index;
    return ioctl(socket, SIOCGIFNAME, &request) == 0 || errno != ENODEV;
}

enum status nic_stamp(int socket, const char *name, struct error *err)
{
    struct hwtstamp_config config = {.tx_type = HWTSTAMP_TX_OFF, .rx_filter = HWTSTAMP_FILTER_ALL};
    struct ifreq request;

    if (!name_request(&request, name))
        return error_set(err, "its name is too long");
    request.ifr_data = (char *)&config;
    if (ioctl(socket, SIOCSHWTSTAMP, &request) < 0)
        return error_set(err, "%s",
                         errno == EOPNOTSUPP ? "the card or its driver has none" : strerror(errno));
    if (config.rx_filter != HWTSTAMP_FILTER_ALL) /* some only stamp the protocols that set clocks */
        return error_set(err, "the card does not stamp every frame");
    return STATUS_OK;
}

void nic_losses_open(struct nic_losses *losses)
{
    *losses = (struct nic_losses){.netlink = -1};
    losses->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    losses->softnet = open("/proc/net/softnet_stat", O_RDONLY | O_CLOEXEC);
    nic_losses_read(losses);
}

void nic_losses_close(struct nic_losses *losses)
{
    if (losses->netlink >= 0)
        close(losses->netlink);
    if (losses->softnet >= 0)
        close(losses->softnet);
    losses->netlink = losses->softnet = -1;
}

/* A line a processor, in hexadecimal: frames processed, dropped, ... (Linux,
 * net/core/net-procfs.c, softnet_seq_show) */
bool nic_losses_read(struct nic_losses *losses)
{
    enum { LINE_MAX_LEN = 200 }; /* what is behind it is not looked at */
    char text[4096], line[LINE_MAX_LEN + 1];
    size_t line_len = 0;
    uint32_t sum = 0;
    unsigned processors = 0;
    off_t at = 0;

    if (losses->softnet < 0)
        return false;
    for (ssize_t got; (got = pread(losses->softnet, text, sizeof(text), at)) > 0; at += got) {
        for (ssize_t i = 0; i < got; i++) {
            if (text[i] != '\n') {
                if (line_len < LINE_MAX_LEN)
                    line[line_len++] = text[i];
                continue;
            }
            line[line_len] = '\0';
            line_len = 0;
            char *dropped;
            strtoul(line, &dropped, 16); /* those processed */
            if (*dropped == ' ') {
                sum += (uint32_t)strtoul(dropped, NULL, 16);
                processors++;
            }
        }
    }
    if (processors == 0)
        return false;
    /* The system's counters wrap; a processor that comes or goes takes its own along. */
    if (processors == losses->processors)
        losses->backlog += (uint32_t)(sum - losses->backlog_last);
    losses->processors = processors;
    losses->backlog_last = sum;
    return true;
}

/* What a message says; counters that a kernel does not know are 0. */
static bool read_statistics(const struct nlmsghdr *message, struct nic_drops *drops)
{
    const size_t head = NLMSG_ALIGN(sizeof(struct if_stats_msg));
    const char *at = (const char *)message + NLMSG_HDRLEN + head;
    size_t left = NLMSG_PAYLOAD(message, head);
    struct rtattr attribute;
    struct rtnl_link_stats64 statistics;

    while (left >= sizeof(attribute)) {
        memcpy(&attribute, at, sizeof(attribute));
        if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > left)
            return false;
        const size_t len = attribute.rta_len - sizeof(attribute);
        if (attribute.rta_type == IFLA_STATS_LINK_64) {
            memset(&statistics, 0, sizeof(statistics));
            memcpy(&statistics, at + sizeof(attribute),
                   len < sizeof(statistics) ? len : sizeof(statistics));
            *drops = (struct nic_drops){.missed = statistics.rx_missed_errors,
                                        .fifo = statistics.rx_fifo_errors,
                                        .over = statistics.rx_over_errors,
                                        .discarded = statistics.rx_dropped};
            return true;
        }
        const size_t step = NLMSG_ALIGN(attribute.rta_len);
        if (step >= left)
            return false;
        at += step;
        left -= step;
    }
    return false;
}

bool nic_dropped(struct nic_losses *losses, struct nic_drops *drops, unsigned index)
{
    struct {
        struct nlmsghdr header;
        struct if_stats_msg what;
    } request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = RTM_GETSTATS,
                   .nlmsg_flags = NLM_F_REQUEST,
                   .nlmsg_seq = ++losses->asked},
        .what = {.family = AF_UNSPEC,
                 .ifindex = index,
                 .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)},
    };
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;

    if (losses->netlink < 0 || send(losses->netlink, &request, sizeof(request), 0) < 0)
        return false;
    /* The kernel answers before send() returns. Answers to questions that failed before may lie there. */
    for (int i = 0; i < 4; i++) {
        ssize_t got = recv(losses->netlink, &answer, sizeof(answer), MSG_DONTWAIT);
        if (got < (ssize_t)sizeof(answer.header) || answer.header.nlmsg_len > (size_t)got)
            return false;
        if (answer.header.nlmsg_seq != losses->asked)
            continue;
        return answer.header.nlmsg_type == RTM_NEWSTATS &&
               answer.header.nlmsg_len >= NLMSG_SPACE(sizeof(struct if_stats_msg)) &&
               read_statistics(&answer.header, drops);
    }
    return false;
}

static uint64_t since(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

uint64_t nic_lost_since(const struct nic_drops *before, const struct nic_drops *now)
{
    const uint64_t fifo = since(before->fifo, now->fifo), over = since(before->over, now->over);

    return since(before->missed, now->missed) + (fifo > over ? fifo : over);
}

uint64_t nic_discarded_since(const struct nic_drops *before, const struct nic_drops *now)
{
    return since(before->discarded, now->discarded);
}
