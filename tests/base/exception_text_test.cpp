// The text of a caught exception.
#include "base/exception_text.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string_view>

namespace starling::base {
namespace {

TEST(ExceptionText, IsTheMessageOfAStandardException) {
    try {
        throw std::runtime_error("no such room");
    } catch (...) {
        EXPECT_EQ(describe_current_exception(), "no such room");
        return;
    }
    FAIL() << "nothing was caught";
}

TEST(ExceptionText, OutlivesTheCallWithinTheCatchBlock) {
    try {
        throw std::runtime_error("first");
    } catch (...) {
        const std::string_view text = describe_current_exception();
        try {
            throw std::runtime_error("second");
        } catch (...) {
            EXPECT_EQ(describe_current_exception(), "second");
        }
        EXPECT_EQ(text, "first");
        return;
    }
    FAIL() << "nothing was caught";
}

TEST(ExceptionText, SaysThatTheTypeIsUnknown) {
    try {
        throw 7;
    } catch (...) {
        EXPECT_EQ(describe_current_exception(), "an exception of unknown type");
        return;
    }
    FAIL() << "nothing was caught";
}

}  // namespace
}  // namespace starling::base
