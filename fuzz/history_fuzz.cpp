// Fuzzes what the scripts of a history answer. The first byte says how many items were appended, and whether
// the question named a position.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "base/utf8.h"
#include "hub/position.h"
#include "redis/reader.h"
#include "server/history/replies.h"

namespace {

using namespace starling;

void require(bool condition) {
    if (!condition) std::abort();
}

// Clients send it back.
void check(const std::string& epoch, uint64_t offset) {
    const auto position = hub::parse_position(hub::position_text(epoch, offset));
    require(position && position->epoch == epoch && position->offset == offset);
}

void appended(const redis::Value& reply, size_t items) {
    hub::RemoteHistory::Appended answer{};
    if (!server::read_appended(reply, items, answer)) return;
    require(answer.offsets.size() == items);
    for (const uint64_t offset : answer.offsets) check(answer.epoch, offset);
}

void page(const redis::Value& reply, bool since) {
    hub::HistoryPage answer;
    if (!server::read_page(reply, "news", since, answer)) return;
    check(answer.top.epoch, answer.top.offset);
    require(!answer.more || since);
    for (const auto& kept : answer.messages) {
        check(kept->epoch, kept->offset);
        require(kept->channel == "news" && kept->epoch == answer.top.epoch);
        require(base::utf8_is_valid(kept->text));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const size_t items = data[0] & 7;
    const bool since = (data[0] & 8) != 0;
    redis::Reader reader(
        {.bulk_bytes_max = 65536, .reply_bytes_max = 262144, .line_bytes_max = 4096});
    auto input = std::as_bytes(std::span(data, size)).subspan(1);
    while (reader.next(input) == redis::Reader::Step::reply) {
        appended(reader.reply(), items);
        page(reader.reply(), since);
    }
    return 0;
}
