// Replies of an echo server at every read size: what counts as a reply, and what does not.
#include "load/measure/replies.h"

#include <gtest/gtest.h>

#include <string>

#include "load/measure/frames.h"

namespace {

using starling::load::client_frame;
using starling::load::ReplyCounter;
using starling::load::ReplyForm;
using starling::load::server_frame;
namespace opcode = starling::load::opcode;

// A frame of a server with any first byte and a length in `bytes` bytes more than the usual form.
std::string frame(unsigned first, const std::string& payload, unsigned marker = 0) {
    std::string out(1, static_cast<char>(first));
    if (marker == 0) marker = static_cast<unsigned>(payload.size());
    out += static_cast<char>(marker);
    for (int left = marker == 126 ? 2 : marker == 127 ? 8 : 0; left-- > 0;)
        out += static_cast<char>(left > 7 ? 0 : payload.size() >> (8 * left));
    return out + payload;
}

// "3 replies", "1 replies, pong: hi", "2 replies, closed 1001", "0 replies: a reply has ..."
std::string told(const ReplyForm& form, const std::string& bytes, size_t read_bytes) {
    ReplyCounter counter;
    uint64_t replies = 0;
    std::string pongs;
    for (size_t at = 0; at < bytes.size(); at += read_bytes) {
        const auto taken = counter.take(form, std::string_view(bytes).substr(at, read_bytes));
        replies += taken.replies;
        if (counter.owes_pongs()) pongs += counter.take_pongs();
        if (*taken.wrong) return std::to_string(replies) + " replies: " + taken.wrong;
        if (taken.closed)
            return std::to_string(replies) + " replies, closed " + std::to_string(taken.close_code);
    }
    std::string text = std::to_string(replies) + " replies";
    if (!pongs.empty())
        text += pongs == client_frame(opcode::pong, "hi") ? ", pong: hi" : ", pongs";
    return text;
}

void expect(const ReplyForm& form, const std::string& bytes, const std::string& wanted) {
    for (size_t size = 1; size <= bytes.size(); ++size)
        ASSERT_EQ(told(form, bytes, size), wanted) << "read size " << size;
}

const std::string close_1001 = frame(0x88, "\x03\xe9");

TEST(Replies, Short) {
    const ReplyForm form(false, "hello");
    const std::string good = server_frame(false, "hello");
    struct {
        std::string bytes, told;
    } const cases[] = {
        {good, "1 replies"},
        {good + good + good, "3 replies"},
        {good + frame(0x89, "hi") + good, "2 replies, pong: hi"},
        {good + frame(0x8a, "hi") + good, "2 replies"},
        {good + close_1001 + good, "1 replies, closed 1001"},
        {good + frame(0x88, ""), "1 replies, closed 0"},
        // Fragments, also with a control frame between, and lengths in more bytes than needed.
        {frame(0x01, "he") + frame(0x80, "llo") + good, "2 replies"},
        {frame(0x01, "") + frame(0x00, "hello") + frame(0x80, "") + good, "2 replies"},
        {frame(0x01, "he") + frame(0x89, "hi") + frame(0x80, "llo"), "1 replies, pong: hi"},
        {frame(0x81, "hello", 126) + frame(0x81, "hello", 127), "2 replies"},
        // The bytes of the first reply are compared, later ones are not.
        {server_frame(false, "hellO"), "0 replies: a reply has other bytes"},
        {good + server_frame(false, "hellO"), "2 replies"},
        {frame(0x01, "he") + frame(0x80, "lla"), "0 replies: a reply has other bytes"},
        // Opcode and length count for all.
        {good + server_frame(true, "hello"), "1 replies: a reply has another opcode"},
        {good + server_frame(false, "hell"), "1 replies: a reply has another length"},
        {good + server_frame(false, "hello!"), "1 replies: a reply has another length"},
        {good + frame(0x01, "hel") + frame(0x80, "l"), "1 replies: a reply has another length"},
        {good + frame(0x01, "hel") + frame(0x80, "lo!"), "1 replies: a reply has another length"},
        {good + frame(0x80, "hello"), "1 replies: a reply has another opcode"},
        {good + frame(0x01, "he") + good, "1 replies: a reply has another opcode"},
        {good + frame(0x82, ""), "1 replies: a reply has another opcode"},
        // Malformed frames.
        {good + client_frame(false, "hello"), "1 replies: a frame of the server is masked"},
        {good + frame(0xc1, "hello"),
         "1 replies: a frame uses an extension that was not negotiated"},
        {good + frame(0x09, "hi"), "1 replies: a control frame is malformed"},
        {good + frame(0x8b, "hi"), "1 replies: a control frame is malformed"},
        {good + frame(0x89, std::string(200, 'p'), 126), "1 replies: a control frame is malformed"},
        {"HTTP/1.1 400", "0 replies: a frame uses an extension that was not negotiated"},
    };
    for (const auto& one : cases) expect(form, one.bytes, one.told);
}

TEST(Replies, EachLengthOfTheHeader) {
    for (const size_t size : {0U, 1U, 125U, 126U, 127U, 300U, 65535U, 65536U, 70000U}) {
        const std::string payload(size, 'x');
        const ReplyForm form(true, payload);
        const std::string bytes = server_frame(true, payload) + server_frame(true, payload) +
                                  frame(0x89, "hi") + server_frame(true, payload);
        for (const size_t read :
             {size_t{1}, size_t{2}, size_t{3}, size_t{1000}, size + 1, size + 3, bytes.size()})
            EXPECT_EQ(told(form, bytes, read), "3 replies, pong: hi") << size << " by " << read;
    }
}

TEST(Replies, Raw) {
    const std::string message = client_frame(false, "hello");
    const ReplyForm form = ReplyForm::raw(message);
    expect(form, message + message + message, "3 replies");
    EXPECT_EQ(told(form, "no", 1), "0 replies: the bytes are not those that were sent");
}

TEST(Replies, ManyPingsInOneRead) {
    const ReplyForm form(false, "hello");
    ReplyCounter counter;
    std::string pings;
    for (int i = 0; i < 2000; ++i) pings += frame(0x89, std::string(100, 'p'));
    EXPECT_STREQ(counter.take(form, pings).wrong, "too many pings");
}

}  // namespace
