// tests/cluster/three.h: three processes of a cluster over the model of Redis.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/cluster/redis_model.h"

namespace starling::cluster::test {

struct Variant {
    std::string name;
    NodeOptions options = {};
};

inline std::vector<Variant> variants() {
    std::vector<Variant> all(7);
    all[0].name = "classic";
    all[1].name = "classic without a pattern";
    all[1].options.dialect.pattern = false;
    all[2].name = "classic, answers to the asker";
    all[2].options.dialect.answer_to_asker = true;
    constexpr std::array rooms{RoomChannels::none, RoomChannels::named, RoomChannels::all};
    for (size_t i = 0; i < rooms.size(); ++i) {
        all[3 + i].name = "sharded " + std::to_string(i);
        all[3 + i].options.dialect.adapter = Adapter::sharded;
        all[3 + i].options.dialect.room_channels = rooms[i];
    }
    all[6].name = "streams";
    all[6].options.dialect.adapter = Adapter::streams;
    return all;
}

// Of 20 units, as the ids of sockets are: Node.js takes a room of that length for an id.
inline const std::string c1(20, 'c');

// Three processes A, B and C; socket a1 is in A, and so on.
struct Three {
    explicit Three(const NodeOptions& options = {}, uint64_t seed = 1) : redis(seed) {
        for (const char* const uid : {"A", "B", "C"})
            all.push_back(std::make_unique<Process>(redis, uid, options));
        a().join("a1", "red");
        b().join("b1", "red");
        b().join("b2", "blue");
        c().join(c1, "blue");
        c().join(c1, "42");
        redis.run_for(10);
    }
    Process& a() { return *all[0]; }
    Process& b() { return *all[1]; }
    Process& c() { return *all[2]; }
    // What the sockets of the other processes heard.
    std::string heard() {
        std::string text;
        for (const auto& one : all)
            for (const auto& [id, texts] : one->heard) text += id + "=" + joined(texts) + " ";
        return text;
    }
    RedisModel redis;
    std::vector<std::unique_ptr<Process>> all;
};

}  // namespace starling::cluster::test
