// Which addresses the live transport connects to.
//
// A name that an attacker controls can be made to resolve to a machine that only we can reach.  The
// address is looked at when the socket is made for it, after which nothing can change it.
#include "live.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

// Ranges of IPv4 that are not on the public Internet: this network, private, shared by a carrier,
// loopback, link-local, assigned to protocols, documentation, benchmarks, multicast and reserved.
static const struct {
    uint32_t network;
    unsigned bits;
} inner_v4[] = {
    {0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0x7F000000, 8},  {0xA9FE0000, 16},
    {0xAC100000, 12}, {0xC0000000, 24}, {0xC0A80000, 16}, {0xC6120000, 15}, {0xE0000000, 3},
    {0xC0000200, 24}, {0xC6336400, 24}, {0xCB007100, 24},
};

static bool v4_is_inner(uint32_t address)
{
    for (size_t i = 0; i < sizeof inner_v4 / sizeof inner_v4[0]; i++) {
        if ((address ^ inner_v4[i].network) >> (32 - inner_v4[i].bits) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t v4_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Ranges of 2000::/3 that are not public either: assigned to protocols, tunnels by Teredo among
// them, and documentation.
static const struct {
    uint32_t network;
    unsigned bits;
} inner_v6[] = {{0x20010000, 23}, {0x20010DB8, 32}, {0x3FFF0000, 20}};

// Public addresses of IPv6 lie in 2000::/3; of these, 6to4 (2002::/16) carries an IPv4 address that
// has to be public too.  So does the translation prefix 64:ff9b::/96, by which networks without
// IPv4 reach the rest.  Everything else is loopback, link-local, unique local, mapped or multicast.
static bool v6_is_inner(const uint8_t *bytes)
{
    static const uint8_t translated[12] = {0x00, 0x64, 0xFF, 0x9B};
    if (memcmp(bytes, translated, sizeof translated) == 0) {
        return v4_is_inner(v4_at(bytes + 12));
    }
    if ((bytes[0] & 0xE0) != 0x20) {
        return true;
    }
    for (size_t i = 0; i < sizeof inner_v6 / sizeof inner_v6[0]; i++) {
        if ((v4_at(bytes) ^ inner_v6[i].network) >> (32 - inner_v6[i].bits) == 0) {
            return true;
        }
    }
    return bytes[0] == 0x20 && bytes[1] == 0x02 && v4_is_inner(v4_at(bytes + 2));
}

static bool v6_is_loopback(const uint8_t *bytes)
{
    static const uint8_t loopback[16] = {[15] = 1};
    return memcmp(bytes, loopback, sizeof loopback) == 0;
}

bool kk_live_host_is_loopback(const char *host)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, host, bytes) == 1) {
        return bytes[0] == 127;
    }
    if (inet_pton(AF_INET6, host, bytes) == 1) {
        return v6_is_loopback(bytes);
    }
    return strcasecmp(host, "localhost") == 0;
}

bool kk_live_host_is_address(const char *host)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_reachable(kk_live_reach reach, const struct curl_sockaddr *address)
{
    if (reach == KK_LIVE_REACH_ANY) {
        return true;
    }
    // The callback's address is a sockaddr of any family behind one type; copied, since it need not
    // be aligned for the narrower one.
    if (address->family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->addr, sizeof v4);
        uint32_t number = ntohl(v4.sin_addr.s_addr);
        return reach == KK_LIVE_REACH_LOOPBACK ? number >> 24 == 127 : !v4_is_inner(number);
    }
    if (address->family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, (const void *)&address->addr, sizeof v6);
        const uint8_t *bytes = v6.sin6_addr.s6_addr;
        return reach == KK_LIVE_REACH_LOOPBACK ? v6_is_loopback(bytes) : !v6_is_inner(bytes);
    }
    return false;
}

curl_socket_t kk_live_open_socket(void *context, curlsocktype purpose,
                                  struct curl_sockaddr *address)
{
    kk_live_job *job = context;
    (void)purpose;
    if (!is_reachable(job->target.reach, address)) {
        job->address_refused = true;
        return CURL_SOCKET_BAD;
    }
    // libcurl of Debian 12 leaves its sockets open in children.
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
