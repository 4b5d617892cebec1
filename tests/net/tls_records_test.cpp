#include "net/tls_records.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "net/tls_record_size.h"
#include "tests/fake/tls_record_keys.h"

namespace starling::net {
namespace {

using fake::TlsRecordKeys;
using Status = TlsRecords::Status;
using namespace std::string_literals;

std::string hex(std::string_view digits) {
    std::string bytes;
    for (size_t at = 0; at + 1 < digits.size(); at += 2)
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16));
    return bytes;
}

struct Suite {
    uint16_t id;
    const char *cipher, *hash;
    size_t secret_bytes;
};
constexpr Suite suites[] = {{0x1301, "aes-128-gcm", "SHA256", 32},
                            {0x1302, "aes-256-gcm", "SHA384", 48},
                            {0x1303, "ChaCha20-Poly1305", "SHA256", 32}};

struct Pair {
    explicit Pair(const Suite& suite = suites[0])
        : client(suite.cipher, suite.hash, std::string(suite.secret_bytes, 'c')),
          server(suite.cipher, suite.hash, std::string(suite.secret_bytes, 's')) {
        const std::string read(suite.secret_bytes, 'c'), write(suite.secret_bytes, 's');
        records = TlsRecords::make({suite.id, base::bytes_of(read), base::bytes_of(write), 0});
    }
    // What the server reads of `wire`, `step` bytes at a time.
    std::string read(std::string_view wire, size_t step = SIZE_MAX, size_t room = 20'000) {
        std::string text;
        std::vector<std::byte> plaintext(room);
        for (size_t at = 0; at < wire.size(); at += std::min(step, wire.size())) {
            auto input = base::bytes_of(wire.substr(at, step));
            while (const size_t size =
                       records->read(input, plaintext, output, status, key_updates, 32))
                text += base::text_of(std::span(plaintext).first(size));
            EXPECT_TRUE(input.empty() || status != Status::ok);
        }
        return text;
    }
    // "alert 10", "data", "close", "update", as the peer sees them.
    std::string sent() {
        std::string all;
        while (!output.empty()) {
            const std::string inner = server.open(output);
            if (!all.empty()) all += ' ';
            if (inner.ends_with('\x15'))
                all += "alert " + std::to_string(int(inner.at(0))) + "/" +
                       std::to_string(int(inner.at(1)));
            else if (inner == "\x18\0\0\1\0\x16"s)
                all += "update", server.update();
            else
                all += inner;
        }
        return all;
    }

    TlsRecordKeys client, server;
    std::unique_ptr<TlsRecords> records;
    std::string output;
    Status status = Status::ok;
    uint32_t key_updates = 0;
};

// RFC 8448 section 3: the records that follow the handshake. The server has sent a ticket before.
TEST(TlsRecords, ReadsAndWritesTheTraceOfRfc8448) {
    const std::string client =
        hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
    const std::string server =
        hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
    const auto records =
        TlsRecords::make({0x1301, base::bytes_of(client), base::bytes_of(server), 1});
    ASSERT_TRUE(records);
    const std::string wire =
        hex("1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a"
            "9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4"
            "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3");
    auto input = base::bytes_of(wire);
    std::array<std::byte, 100> plaintext;
    std::string output, want;
    auto status = Status::ok;
    uint32_t key_updates = 0;
    for (int i = 0; i < 50; ++i) want += static_cast<char>(i);
    const size_t size = records->read(input, plaintext, output, status, key_updates, 32);
    EXPECT_EQ(base::text_of(std::span(plaintext).first(size)), want);
    EXPECT_EQ(records->read(input, plaintext, output, status, key_updates, 32), 0u);
    EXPECT_EQ(status, Status::ended);
    EXPECT_EQ(output, "");
    EXPECT_TRUE(records->write(base::bytes_of(want), output));
    records->close(output);
    EXPECT_TRUE(output ==
                hex("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6"
                    "dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"
                    "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9"));
    EXPECT_FALSE(records->write(base::bytes_of(want), output));
}

TEST(TlsRecords, CarriesBytesOfEachSuiteAtEveryReadSize) {
    for (const Suite& suite : suites)
        for (const size_t step : {size_t{1}, size_t{2}, size_t{5}, size_t{7}, SIZE_MAX})
            for (const size_t room : {size_t{1}, size_t{30}, size_t{20'000}}) {
                Pair pair(suite);
                std::string wire;
                const std::string padding(40, '\0'), text(300, 'x');
                for (const std::string& inner :
                     {"hello\x17"s, text + "\x17" + padding, "\x17"s, "bye\x17"s, "\1\0\x15"s})
                    wire += pair.client.seal(inner);
                EXPECT_EQ(pair.read(wire, step, room), "hello" + text + "bye")
                    << suite.cipher << ' ' << step << ' ' << room;
                EXPECT_EQ(pair.status, Status::ended);
                EXPECT_TRUE(pair.records->write(base::bytes_of("answer"), pair.output));
                pair.records->rest();
                EXPECT_TRUE(pair.records->write(base::bytes_of("again"), pair.output));
                pair.records->close(pair.output);
                EXPECT_EQ(pair.sent(), "answer\x17 again\x17 alert 1/0");
            }
}

TEST(TlsRecords, AFullRecordIsReadAndLargeWritesAreSplit) {
    Pair pair;
    const std::string full(16'384, 'f');
    EXPECT_TRUE(pair.read(pair.client.seal(full + "\x17")) == full);
    EXPECT_TRUE(pair.read(pair.client.seal(full + "\x17"), 1000, 1000) == full);
    EXPECT_TRUE(pair.records->write(base::bytes_of(full + "rest"), pair.output));
    EXPECT_TRUE(pair.server.open(pair.output) == full + "\x17");
    EXPECT_EQ(pair.server.open(pair.output), "rest\x17");
    EXPECT_EQ(pair.output, "");
}

TEST(TlsRecords, RefusesWhatIsWrongWithItsAlert) {
    const auto raw = [](std::string bytes) { return [bytes](TlsRecordKeys&) { return bytes; }; };
    const auto sealed = [](std::vector<std::string> inner) {
        return [inner](TlsRecordKeys& peer) {
            std::string all;
            for (const std::string& one : inner) all += peer.seal(one);
            return all;
        };
    };
    const struct {
        const char* what;
        std::function<std::string(TlsRecordKeys&)> wire;
        const char* sent;
    } cases[] = {
        {"a handshake record in the clear", raw("\x16\3\3\0\5"s), "alert 2/10"},
        {"an alert in the clear", raw("\x15\3\3\0\2"s), "alert 2/10"},
        {"a change of ciphers", raw("\x14\3\3\0\1"s), "alert 2/10"},
        {"an unknown type", raw("\x80\3\3\0\x20"s), "alert 2/10"},
        {"length over the limit", raw("\x17\3\3\x41\x01"s), "alert 2/22"},
        {"plaintext over the limit", raw("\x17\3\3\x40\x12"s), "alert 2/22"},
        {"no room for a type", raw("\x17\3\3\0\x10"s), "alert 2/20"},
        {"a wrong tag", raw("\x17\3\3\0\x12"s + std::string(18, 'x')), "alert 2/20"},
        {"padding alone", sealed({"\0\0\0"s}), "alert 2/10"},
        {"an inner change of ciphers", sealed({"\1\x14"s}), "alert 2/10"},
        {"an inner unknown type", sealed({"x\x63"s}), "alert 2/10"},
        {"an alert of one byte", sealed({"\1\x15"s}), "alert 2/50"},
        {"two alerts in a record", sealed({"\1\x5a\1\x5a\x15"s}), "alert 2/50"},
        {"an empty handshake message", sealed({"\x16"s}), "alert 2/10"},
        {"a ClientHello", sealed({"\1\0\0\1\0\x16"s}), "alert 2/10"},
        {"a KeyUpdate of two bytes", sealed({"\x18\0\0\2\0\x16"s}), "alert 2/50"},
        {"a KeyUpdate with an unknown wish", sealed({"\x18\0\0\1\2\x16"s}), "alert 2/47"},
        {"a KeyUpdate and more", sealed({"\x18\0\0\1\0\x18\x16"s}), "alert 2/10"},
        {"data within a KeyUpdate", sealed({"\x18\0\x16"s, "data\x17"s}), "alert 2/10"},
        {"33 empty records", sealed(std::vector<std::string>(33, "\x17")), "alert 2/10"},
        {"33 canceled", sealed(std::vector<std::string>(33, "\1\x5a\x15")), "alert 2/10"},
        {"the peer's alert", sealed({"\2\x14\x15"s}), ""},
    };
    for (const auto& one : cases)
        for (const size_t step : {size_t{1}, SIZE_MAX}) {
            Pair pair;
            const std::string wire = one.wire(pair.client);
            EXPECT_EQ(pair.read(wire, step), "") << one.what;
            EXPECT_EQ(pair.status, Status::failed) << one.what;
            EXPECT_EQ(pair.sent(), one.sent) << one.what;
            EXPECT_EQ(pair.read(pair.client.seal("more\x17")), "") << one.what;
            EXPECT_FALSE(pair.records->write(base::bytes_of("x"), pair.output)) << one.what;
        }
}

TEST(TlsRecords, ATamperedReplayedOrMissingRecordIsRefused) {
    for (const int which : {0, 1, 2}) {
        Pair pair;
        std::string first = pair.client.seal("first\x17"), second = pair.client.seal("second\x17");
        if (which == 0) first[7] ^= 1, second.clear();
        if (which == 1) second = first;
        if (which == 2) first.clear();
        EXPECT_EQ(pair.read(first + second), which == 1 ? "first" : "");
        EXPECT_EQ(pair.status, Status::failed);
        EXPECT_EQ(pair.sent(), "alert 2/20");
    }
}

// Section 4.6.3.
TEST(TlsRecords, KeyUpdatesChangeTheKeysAndAreAnsweredOnceBeforeTheNextData) {
    for (const Suite& suite : suites)
        for (const size_t step : {size_t{1}, SIZE_MAX}) {
            Pair pair(suite);
            std::string wire = pair.client.seal("old\x17");
            wire += pair.client.seal("\x18\0\0\x16"s);
            wire += pair.client.seal("\1\1\x16"s);
            pair.client.update();
            wire += pair.client.seal("\x18\0\0\1\1\x16"s);
            pair.client.update();
            wire += pair.client.seal("new\x17");
            EXPECT_EQ(pair.read(wire, step), "oldnew") << suite.cipher;
            EXPECT_EQ(pair.key_updates, 2u);
            EXPECT_EQ(pair.sent(), "");
            EXPECT_TRUE(pair.records->write(base::bytes_of("one"), pair.output));
            EXPECT_TRUE(pair.records->write(base::bytes_of("two"), pair.output));
            EXPECT_EQ(pair.sent(), "update one\x17 two\x17");
        }
}

TEST(TlsRecords, TooManyKeyUpdatesFailWithinOneRead) {
    Pair pair;
    std::string wire;
    for (int i = 0; i < 33; ++i) {
        wire += pair.client.seal("\x18\0\0\1\1\x16"s);
        pair.client.update();
    }
    EXPECT_EQ(pair.read(wire + pair.client.seal("data\x17")), "");
    EXPECT_EQ(pair.status, Status::failed);
    EXPECT_EQ(pair.key_updates, 33u);
    EXPECT_EQ(pair.output, "");
}

// Section 5.5.
TEST(TlsRecords, AKeyIsReplacedBeforeItsLimit) {
    const std::string secret(32, 's');
    const auto records = TlsRecords::make({0x1301, base::bytes_of(secret), base::bytes_of(secret),
                                           TlsRecords::records_per_key_max - 1});
    Pair pair;
    std::string output;
    EXPECT_TRUE(records->write(base::bytes_of("last"), output));
    output.clear();
    EXPECT_TRUE(records->write(base::bytes_of("first"), output));
    const size_t update_bytes = 5 + 5 + 1 + 16;
    ASSERT_GT(output.size(), update_bytes);
    output.erase(0, update_bytes);
    pair.server.update();
    EXPECT_EQ(pair.server.open(output), "first\x17");
}

TEST(TlsRecords, AnotherSuiteIsNotKnown) {
    const std::string secret(32, 's');
    for (const uint16_t suite : {0x1300, 0x1302, 0x1304, 0xc02f})
        EXPECT_FALSE(TlsRecords::make({suite, base::bytes_of(secret), base::bytes_of(secret), 0}))
            << suite;
}

TEST(TlsRecordSize, IsSmallAtTheStartAndAfterAPause) {
    TlsRecordSize size;
    constexpr size_t small = TlsRecordSize::small_bytes, full = 16'384;
    const struct {
        uint64_t at_ms;
        size_t sent, then;  // `then`: the next record at the same time.
    } steps[] = {
        {5'000, 100, small}, {5'000, 29 * small, small}, {5'999, small, full},
        {6'998, full, full}, {7'997, 100'000'000, full}, {8'996, 1, full},
        {9'996, 100, small}, {10'000, 30 * small, full}, {1'000'000, 1, small},
    };
    EXPECT_EQ(size.bytes_max(5'000), small);
    for (const auto& step : steps) {
        (void)size.bytes_max(step.at_ms);
        size.sent(step.sent, step.at_ms);
        EXPECT_EQ(size.bytes_max(step.at_ms), step.then) << step.at_ms;
    }
}

}  // namespace
}  // namespace starling::net
