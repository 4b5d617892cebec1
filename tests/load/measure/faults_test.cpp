#include "load/measure/faults.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace {

using starling::load::Fault;
using starling::load::fault_of_error;
using starling::load::name_of;
using starling::load::Tally;

TEST(Faults, Names) {
    struct {
        Fault::Kind kind;
        uint16_t code;
        const char* name;
    } const cases[] = {
        {Fault::Kind::refused, 0, "refused"},
        {Fault::Kind::unreachable, 0, "unreachable"},
        {Fault::Kind::timeout, 0, "timeout"},
        {Fault::Kind::reset, 0, "reset"},
        {Fault::Kind::tls, 0, "TLS"},
        {Fault::Kind::status, 404, "handshake status 404"},
        {Fault::Kind::closed, 1001, "closed code 1001"},
        {Fault::Kind::closed, 0, "closed without a code"},
        {Fault::Kind::bad_answer, 0, "bad answer"},
        {Fault::Kind::unanswered, 0, "unanswered"},
        {Fault::Kind::undelivered, 0, "undelivered"},
        {Fault::Kind::local, 0, "this machine"},
    };
    for (const auto& one : cases) EXPECT_EQ(name_of(one.kind, one.code), one.name);
}

TEST(Faults, OfErrors) {
    struct {
        int error;
        Fault::Kind kind;
    } const cases[] = {
        {ECONNREFUSED, Fault::Kind::refused},
        {ENOENT, Fault::Kind::refused},
        {ENETUNREACH, Fault::Kind::unreachable},
        {EHOSTUNREACH, Fault::Kind::unreachable},
        {ETIMEDOUT, Fault::Kind::timeout},
        {ECONNRESET, Fault::Kind::reset},
        {EPIPE, Fault::Kind::reset},
        {EMFILE, Fault::Kind::local},
        {EADDRNOTAVAIL, Fault::Kind::local},
    };
    for (const auto& one : cases) EXPECT_EQ(fault_of_error(one.error).kind, one.kind) << one.error;
    EXPECT_FALSE(fault_of_error(EMFILE).text.empty());
}

std::string text_of(const Tally& tally) {
    std::string text = std::to_string(tally.total()) + ":";
    for (const Tally::Row& row : tally.rows())
        text += " " + std::to_string(row.count) + " " + row.name + "(" + row.text + ")";
    return text;
}

TEST(Faults, Tally) {
    Tally one, other;
    one.add({Fault::Kind::refused, 0, "first"});
    one.add({Fault::Kind::refused, 0, "second"}, 2);
    one.add({Fault::Kind::status, 404}, 0);
    other.add({Fault::Kind::status, 404}, 9);
    other.add({Fault::Kind::status, 503});
    other.add({Fault::Kind::refused, 0, "third"});
    EXPECT_EQ(text_of(one), "3: 3 refused(first)");
    one.merge(other);
    EXPECT_EQ(text_of(one),
              "14: 9 handshake status 404() 4 refused(first) 1 handshake status 503()");
}

}  // namespace
