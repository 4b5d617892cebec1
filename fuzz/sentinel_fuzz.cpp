// Fuzzes what Sentinels say: replies that are taken for an address of the master and for a list of
// Sentinels, and messages of "+switch-master". No Sentinel that was configured is ever forgotten.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "redis/reader.h"
#include "redis/sentinel.h"

namespace {

using namespace starling::redis;

void require(bool condition) {
    if (!condition) std::abort();
}

void check(const Endpoint& endpoint) { require(!endpoint.host.empty() && endpoint.port != 0); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::vector<Endpoint> configured{{"a", 1}, {"b", 2}};
    SentinelList list(configured, "m");
    Reader reader({.bulk_bytes_max = 4096, .reply_bytes_max = 65536, .line_bytes_max = 4096});
    auto input = std::as_bytes(std::span(data, size));
    while (reader.next(input) == Reader::Step::reply) {
        const Value reply = reader.reply();
        if (const auto master = SentinelList::read_master(reply)) check(*master);
        if (const auto master = list.read_switch(reply.text())) check(*master);
        list.learn(reply);
        require(list.endpoints().size() <= SentinelList::sentinels_max);
        if (!list.next()) list.answered();
        std::vector<Endpoint> all = list.endpoints();
        for (const Endpoint& one : all) check(one);
        for (const Endpoint& one : configured) require(std::ranges::find(all, one) != all.end());
        std::ranges::sort(all);
        require(std::ranges::adjacent_find(all) == all.end());
    }
    return 0;
}
