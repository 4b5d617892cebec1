// The reader of server events, at every read size.
#include "app/connect/sse_parser.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::app::connect {
namespace {

using namespace std::string_literals;

// "type|data|id;" for each event, then the last id and the retry.
std::string read(std::string_view bytes, size_t size) {
    SseParser parser("before", 64);
    std::string text;
    bool good = true;
    for (; !bytes.empty() && good; bytes.remove_prefix(std::min(size, bytes.size())))
        good = parser.feed(bytes.substr(0, size), [&](const SseEvent& event) {
            text.append(event.type).append("|").append(event.data).append("|");
            text.append(event.id).append(";");
        });
    text += " " + parser.last_id();
    if (parser.retry_ms()) text += " retry " + std::to_string(*parser.retry_ms());
    return good ? text : "too large";
}

TEST(SseParser, AtEverySize) {
    const std::pair<std::string, std::string> cases[] = {
        {"data: a\n\n", "message|a|before; before"},
        {"data:a\n\n", "message|a|before; before"},
        {"data:  a\n\n", "message| a|before; before"},
        {"data: a\r\n\r\n", "message|a|before; before"},
        {"data: a\r\r", "message|a|before; before"},
        {"data: a\r\ndata: b\rdata: c\n\n", "message|a\nb\nc|before; before"},
        {"data\n\n", "message||before; before"},
        {"data\ndata\n\n", "message|\n|before; before"},
        {"data: a\n", " before"},  // Not complete.
        {"\n\n", " before"},
        {"event: x\n\ndata: a\n\n", "message|a|before; before"},
        {"event: add\ndata: 1\nid: 7\n\ndata: 2\n\n", "add|1|7;message|2|7; 7"},
        {"id: 7\n\n", " 7"},  // Without data.
        {"id: 7\n", " before"},
        {"id\ndata: a\n\n", "message|a|; "},
        {"id: a\0b\ndata: a\n\n"s, "message|a|before; before"},
        {": a comment\ndata: a\n:\n\n", "message|a|before; before"},
        {"retry: 1500\n", " before retry 1500"},
        {"retry: 1x\nretry: -1\nretry:\n", " before"},
        {"retry: 99999999999999999999999\n", " before retry 86400000"},
        {"Data: a\nnothing: b\ndata: c\n\n", "message|c|before; before"},
        {"data: a:b\n\n", "message|a:b|before; before"},
        {"\xef\xbb\xbf"
         "data: a\n\n",
         "message|a|before; before"},
        {"\xef\xbb"
         "data: a\ndata: b\n\n",
         "message|b|before; before"},
        {"data: " + std::string(60, 'x') + "\n\n", "too large"},
        {"data: " + std::string(30, 'x') + "\ndata: " + std::string(30, 'x') + "\n\n", "too large"},
    };
    for (const auto& [bytes, wanted] : cases)
        for (size_t size = 1; size <= bytes.size(); ++size)
            EXPECT_EQ(read(bytes, size), wanted) << bytes << " by " << size;
}

TEST(SseParser, AMarkIsSkippedOnce) {
    EXPECT_EQ(read("\xef\xbb\xbf\xef\xbb\xbf"
                   "data: a\n\n",
                   1),
              " before");
}

}  // namespace
}  // namespace starling::app::connect
