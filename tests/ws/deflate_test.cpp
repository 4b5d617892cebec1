// permessage-deflate, RFC 7692: the RFC's examples, both directions, with and without context
// takeover, decompression bombs.
#include "ws/deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>

#include "base/block_cache.h"
#include "tests/ws/wire.h"

namespace starling::ws::test {
namespace {

constexpr Role server = Role::server;
constexpr Role client = Role::client;
using Context = Inflater::Context;

struct Case {
    const char* name;
    std::string_view wire;  // Bytes that a server sends.
    std::string_view want;
};

constexpr Case cases[] = {
    // 7.2.3.1 to 7.2.3.6, each with RSV1 on its first frame.
    {"7.2.3.1 one block", "c1 07 f248cdc9c90700", "text(Hello)"},
    {"7.2.3.1 in fragments", "41 03 f248cd 80 04 c9c90700", "text(Hello)"},
    {"7.2.3.3 no compression", "c1 0b 000500faff48656c6c6f00", "text(Hello)"},
    {"7.2.3.4 BFINAL", "c1 08 f348cdc9c9070000", "text(Hello)"},
    {"7.2.3.4 BFINAL in fragments", "41 01 f3 00 05 48cdc9c907 80 02 0000", "text(Hello)"},
    {"BFINAL and nothing behind", "c1 07 f348cdc9c90700", "text(Hello)"},
    {"BFINAL twice", "c1 0f f348cdc9c90700 f348cdc9c9070000", "text(HelloHello)"},
    {"7.2.3.5 two blocks", "c1 0d f248050000 00ffff cac9c90700", "text(Hello)"},
    {"7.2.3.6 empty message", "c1 01 00", "text()"},
    {"empty binary", "c2 01 00", "binary()"},
    {"no payload at all", "c1 00", "text()"},
    {"no payload, in fragments", "41 00 00 00 80 00", "text()"},
    {"empty block, then data", "c1 0c 00000000ff ff f248cdc9c907",
     "violation(1007 invalid compressed data)"},
    {"empty block before the data", "c1 0c 000000ffff f248cdc9c90700", "text(Hello)"},
    {"not compressed although negotiated", "81 05 48656c6c6f", "text(Hello)"},
    {"two messages", "c1 07 f248cdc9c90700 c1 07 f248cdc9c90700", "text(Hello) text(Hello)"},
    {"ping in a compressed message", "41 03 f248cd 89 01 21 80 04 c9c90700", "ping(!) text(Hello)"},
    {"then one that is not", "41 03 f248cd 80 04 c9c90700 01 01 61 80 01 62",
     "text(Hello) text(ab)"},
    // Refused.
    {"RSV1 on a continuation", "41 03 f248cd c0 04 c9c90700", "violation(1002 reserved bit set)"},
    {"RSV1 on a ping", "c9 00", "violation(1002 reserved bit set)"},
    {"RSV1 on a close", "c8 00", "violation(1002 reserved bit set)"},
    {"block type 3", "c1 01 07", "violation(1007 invalid compressed data)"},
    {"stored length and its complement", "c1 05 000500ffff",
     "violation(1007 invalid compressed data)"},
    {"distance too far", "c1 04 4a0500 00", "violation(1007 invalid compressed data)"},
    {"a block that does not end", "c1 03 f248cd", "violation(1007 invalid compressed data)"},
    {"invalid UTF-8 inside", "c1 07 00 0200fdff c3 28", "violation(1007 invalid UTF-8)"},
    {"UTF-8 cut at the end", "c1 07 000100feff c3 00", "violation(1007 invalid UTF-8)"},
    {"UTF-8 cut by blocks", "c1 0d 000100feff c3 000100feff a4 00", "text(\xc3\xa4)"},
};

TEST(WsDeflate, gives_one_answer_however_tcp_cuts_the_bytes) {
    for (const Case& c : cases) {
        const Bytes wire = unhex(c.wire);
        const bool good = c.want.find("violation") == c.want.npos;
        const Bytes longer = join({wire, unhex("81 04 6e657874 c1 07 f248cdc9c90700")});
        for (const Context context : {Context::takeover, Context::shared}) {
            Inflater shared(Context::shared);
            for (size_t step = 1; step <= longer.size(); ++step) {
                Inflater own(Context::takeover);
                Inflater& inflater = context == Context::shared ? shared : own;
                const Reader reader{
                    client, {.message_bytes_max = 300, .fragments_max = 5}, &inflater};
                if (good) {
                    EXPECT_EQ(transcript(reader, longer, step),
                              std::string(c.want) + " text(next) text(Hello)")
                        << c.name << ", reads of " << step;
                } else if (step <= wire.size()) {
                    EXPECT_EQ(transcript(reader, wire, step), c.want)
                        << c.name << ", reads of " << step;
                }
            }
        }
    }
}

// 7.2.3.2: the second message refers to the first one.
TEST(WsDeflate, takeover_is_used_where_it_was_negotiated_alone) {
    const Bytes wire = unhex("c1 07 f248cdc9c90700 c1 05 f200110000");
    for (size_t step = 1; step <= wire.size(); ++step) {
        Inflater own(Context::takeover), shared(Context::shared);
        EXPECT_EQ(transcript({client, {}, &own}, wire, step), "text(Hello) text(Hello)");
        EXPECT_EQ(transcript({client, {}, &shared}, wire, step),
                  "text(Hello) violation(1007 invalid compressed data)");
    }
    // A block with BFINAL set keeps the window too.
    Inflater own(Context::takeover);
    const Bytes final_first = unhex("c1 08 f348cdc9c9070000 c1 05 f200110000");
    EXPECT_EQ(transcript({client, {}, &own}, final_first, 3), "text(Hello) text(Hello)");
}

Bytes compressed_frames(Deflater& deflater, std::span<const std::byte> message, bool reset,
                        size_t most) {
    const Bytes payload = [&] {
        const auto out = deflater.compress(message, reset);
        return Bytes(out.begin(), out.end());
    }();
    Bytes wire;
    Fragmenter fragmenter(Opcode::binary, payload, most, true);
    while (!fragmenter.done()) {
        const auto part = fragmenter.next();
        const Bytes bytes = frame(server, part.opcode, part.fin, part.rsv1, part.payload);
        wire.insert(wire.end(), bytes.begin(), bytes.end());
    }
    return wire;
}

Bytes sample(size_t length, unsigned entropy) {
    Bytes out(length);
    uint32_t state = 12345;
    for (std::byte& b : out) {
        state = state * 1664525 + 1013904223;
        b = static_cast<std::byte>((state >> 24) % entropy);
    }
    return out;
}

TEST(WsDeflate, there_and_back_at_every_window) {
    for (uint8_t bits = deflate_window_bits_min; bits <= window_bits_max; ++bits) {
        for (const bool takeover : {false, true}) {
            Deflater deflater(bits);
            Inflater own(Context::takeover, bits), shared(Context::shared);
            Bytes wire;
            std::string want;
            for (const size_t length : {0, 1, 2, 100, 0, 1000, 5000, 40'000, 3, 100'000}) {
                for (const unsigned entropy : {2u, 20u, 256u}) {
                    const Bytes message = sample(length, entropy);
                    want += (want.empty() ? "binary(" : " binary(") + brief(message) + ")";
                    const Bytes bytes = compressed_frames(deflater, message, !takeover,
                                                          entropy == 20 ? 1000 : 1 << 20);
                    wire.insert(wire.end(), bytes.begin(), bytes.end());
                }
            }
            for (const size_t step : {size_t{61}, size_t{4096}, wire.size()}) {
                Inflater fresh(Context::takeover, bits);
                const Reader reader{server, {}, takeover ? &fresh : &shared};
                EXPECT_EQ(transcript(reader, wire, step), want)
                    << int{bits} << takeover << " " << step;
            }
        }
    }
}

// The size of `messages` with zlib's default tables, whatever the window.
size_t bytes_with_default_tables(std::span<const Bytes> messages, int window_bits) {
    z_stream z{};
    EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t sum = 0;
    for (const Bytes& message : messages) {
        std::vector<Bytef> out(deflateBound(&z, message.size()) + 16);
        z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(message.data()));
        z.avail_in = static_cast<uInt>(message.size());
        z.next_out = out.data();
        z.avail_out = static_cast<uInt>(out.size());
        deflate(&z, Z_SYNC_FLUSH);
        sum += out.size() - z.avail_out - 4;
    }
    deflateEnd(&z);
    return sum;
}

// A deflater with a small window has small tables.
TEST(WsDeflate, small_tables_compress_as_well) {
    for (const size_t size : {256, 4096, 65'536}) {
        std::vector<Bytes> messages;
        for (unsigned i = 0; messages.size() * size < (1 << 18); ++i) {
            std::string text = "[";
            for (unsigned j = 0; text.size() < size; ++j)
                text += R"({"sensor":)" + std::to_string(i * 7919 % 1009) + R"(,"value":)" +
                        std::to_string(j * 104'729 % 10'007) + R"(,"unit":"mm"},)";
            messages.push_back(to_bytes(text.substr(0, size)));
        }
        for (uint8_t bits = deflate_window_bits_min; bits <= window_bits_max; ++bits) {
            Deflater deflater(bits);
            size_t sum = 0;
            for (const Bytes& message : messages) sum += deflater.compress(message, false).size();
            EXPECT_LE(sum * 100, bytes_with_default_tables(messages, bits) * 103)
                << size << " " << int{bits};
        }
    }
}

TEST(WsDeflate, takeover_pays) {
    Deflater deflater;
    const Bytes message = to_bytes("{\"name\":\"starling\",\"msg\":\"the same words every time\"}");
    const size_t first = deflater.compress(message, false).size();
    EXPECT_LT(deflater.compress(message, false).size(), first / 3);
    EXPECT_EQ(deflater.compress(message, true).size(), first);
}

// After a shared publication, made by another deflater, the next message must not refer to earlier
// messages, since their distances in the peer's window have changed.
TEST(WsDeflate, a_shared_publication_between_messages_of_ones_own) {
    const Bytes mine = to_bytes("my own words, my own words"),
                shared_text = to_bytes("a publication for everyone");
    for (const bool forget : {true, false}) {
        Deflater own, publications;
        Bytes wire = compressed_frames(own, mine, false, 1000);
        const Bytes publication = compressed_frames(publications, shared_text, true, 1000);
        wire.insert(wire.end(), publication.begin(), publication.end());
        if (forget) own.forget_context();
        const Bytes next = compressed_frames(own, mine, false, 1000);
        wire.insert(wire.end(), next.begin(), next.end());
        Inflater inflater(Context::takeover);
        const std::string want = "binary(" + to_text(mine) + ") binary(" + to_text(shared_text) +
                                 ") binary(" + to_text(mine) + ")";
        EXPECT_EQ(transcript({server, {}, &inflater}, wire, 7) == want, forget);
    }
}

TEST(WsDeflate, connections_that_share_an_inflater_do_not_mix) {
    Inflater shared(Context::shared);
    Deflater deflater;
    const ReceiverLimits limits;
    // The long messages exceed the size above which a message gets its own inflater.
    const Bytes messages[] = {sample(90'000, 256), sample(200, 9), sample(60'000, 16),
                              sample(0, 9)};
    std::vector<Receiver> receivers;
    std::vector<Bytes> wires;
    std::vector<std::string> got(4);
    for (const Bytes& message : messages) {
        receivers.emplace_back(server, limits, &shared);
        wires.push_back(compressed_frames(deflater, message, true, 700));
    }
    std::vector<Bytes> kept(4);
    for (size_t at = 0; at < 100'000; at += 97) {
        for (size_t i = 0; i < 4; ++i) {
            if (at >= wires[i].size()) continue;
            Bytes block = kept[i];
            const size_t end = std::min(at + 97, wires[i].size());
            block.insert(block.end(), wires[i].begin() + static_cast<long>(at),
                         wires[i].begin() + static_cast<long>(end));
            std::span<std::byte> input(block);
            for (Event e = receivers[i].next(input); e.kind != Event::Kind::need_more;
                 e = receivers[i].next(input)) {
                got[i] += describe(e);
                ASSERT_NE(e.kind, Event::Kind::violation) << describe(e);
            }
            kept[i].assign(input.begin(), input.end());
        }
    }
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(got[i], "binary(" + brief(messages[i]) + ") ");
}

TEST(WsDeflate, what_it_costs_to_begin_a_message) {
    Inflater shared(Context::shared);
    Bytes wire = frame(server, Opcode::binary, false, true, unhex("f248cd"));
    const Transcript got = run({server, {}, &shared}, wire, 3);
    EXPECT_EQ(got.text, "");
    EXPECT_LT(got.memory_bytes_max, 512u) << "no window for a peer that sent three bytes";
}

// A message may get one, which is larger than its limit.
void forget_kept_blocks() {
    auto* const blocks = base::BlockCache::of_this_thread();
    while (blocks->kept_bytes() != 0) blocks->trim();
}

// Memory that the thread keeps after a large message is larger than the limit of another one.
TEST(WsDeflate, ABombInALargerBlockEndsAtTheLimit) {
    constexpr size_t limit = 100'000, block_bytes = 300'000;
    Deflater deflater(15, 9);
    for (const size_t size : {limit + 1, size_t{10'000'000}}) {
        for (const size_t step : {size_t{1} << 30, size_t{100}}) {
            base::give_block_back({std::malloc(block_bytes), block_bytes});
            Inflater inflater(Context::takeover);
            const Transcript bomb =
                run({server, {.message_bytes_max = limit}, &inflater},
                    compressed_frames(deflater, Bytes(size), true, size_t{1} << 30), step);
            EXPECT_EQ(bomb.text, "violation(1009 message too big)") << size;
            EXPECT_LE(bomb.memory_bytes_max, block_bytes + 65'536);
        }
    }
}

TEST(WsDeflate, bombs) {
    forget_kept_blocks();
    constexpr size_t limit = 1'000'000;
    Deflater deflater(15, 9);
    const Bytes zeros(10'000'000);
    const Bytes at_limit(limit), over(limit + 1);
    for (const size_t most : {size_t{1} << 30, size_t{100}, size_t{4000}}) {
        for (const Context context : {Context::takeover, Context::shared}) {
            for (const size_t step : {size_t{1} << 30, size_t{1000}, size_t{17}}) {
                const Reader limits{server, {.message_bytes_max = limit}, nullptr};
                const auto play = [&](const Bytes& message) {
                    Inflater inflater(context);
                    Reader reader = limits;
                    reader.inflater = &inflater;
                    return run(reader, compressed_frames(deflater, message, true, most), step);
                };
                const Transcript bomb = play(zeros);
                EXPECT_EQ(bomb.text, "violation(1009 message too big)");
                EXPECT_LE(bomb.memory_bytes_max, limit + 65'536);
                EXPECT_EQ(play(over).text, "violation(1009 message too big)");
                const Transcript good = play(at_limit);
                EXPECT_EQ(good.text, "binary(" + brief(at_limit) + ")");
                EXPECT_LE(good.memory_bytes_max, limit + 65'536);
            }
        }
    }
}

TEST(WsDeflate, memory_at_the_limit_with_data_that_does_not_compress) {
    forget_kept_blocks();
    constexpr size_t limit = 300'000;
    Deflater deflater;
    Inflater shared(Context::shared);
    const Bytes wire = compressed_frames(deflater, sample(limit, 256), true, 5000);
    for (const size_t step : {size_t{100}, size_t{10'000}, wire.size()}) {
        const Transcript got = run({server, {.message_bytes_max = limit}, &shared}, wire, step);
        EXPECT_TRUE(got.text.starts_with("binary(300000 bytes")) << got.text;
        EXPECT_LE(got.memory_bytes_max, limit + 65'536);
    }
}

TEST(WsDeflate, input_that_yields_no_output_is_refused_at_the_same_byte_however_it_is_cut) {
    struct Idle {
        const char* name;
        std::string_view block;
    };
    constexpr Idle idles[] = {
        {"stored", "000000ffff"}, {"fixed, BFINAL", "0300"}, {"stored, BFINAL", "010000ffff"}};
    for (const Idle& idle : idles) {
        Bytes payload;
        const Bytes block = unhex(idle.block);
        while (payload.size() < 100'000) payload.insert(payload.end(), block.begin(), block.end());
        for (const Context context : {Context::takeover, Context::shared}) {
            for (const size_t most : {size_t{1} << 30, size_t{1000}}) {
                Bytes wire;
                Fragmenter fragmenter(Opcode::binary, payload, most, true);
                while (!fragmenter.done()) {
                    const auto part = fragmenter.next();
                    const Bytes bytes =
                        frame(server, part.opcode, part.fin, part.rsv1, part.payload);
                    wire.insert(wire.end(), bytes.begin(), bytes.end());
                }
                for (const size_t step : {size_t{100}, size_t{5000}, wire.size()}) {
                    Inflater inflater(context);
                    EXPECT_EQ(transcript({server, {}, &inflater}, wire, step),
                              "violation(1007 compressed data that yields no output)")
                        << idle.name << " " << step;
                }
            }
        }
    }
}

// A message with its own window is inflated as it arrives, so the fault is found before the message
// ends.
TEST(WsDeflate, invalid_utf8_in_an_unfinished_compressed_fragment) {
    Inflater own(Context::takeover);
    const Bytes wire = frame(server, Opcode::text, false, true, unhex("000300fcff 61 c0 61"));
    EXPECT_EQ(transcript({server, {}, &own}, std::span(wire).first(wire.size() - 1), 1),
              "violation(1007 invalid UTF-8)");
    // With a shared inflater the fault is found after 16 KiB.
    Inflater shared(Context::shared);
    Bytes payload = unhex("00 0050 ffaf c0");
    payload.resize(20'480);
    const Bytes long_wire = frame(server, Opcode::text, false, true, payload);
    EXPECT_EQ(transcript({server, {}, &shared}, long_wire, 1000), "violation(1007 invalid UTF-8)");
}

}  // namespace
}  // namespace starling::ws::test
