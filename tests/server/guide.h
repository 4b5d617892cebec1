// tests/server/guide.h: compares the samples of a guide in docs/ with the test that compiles them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>

namespace starling::server::test {

// Removes white space: a sample may have other indentation and line breaks in the test.
inline std::string dense(std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
    return text;
}

inline std::string repository_file(const std::string& path) {
    std::ifstream in(STARLING_REPOSITORY "/" + path);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

// Expects each C++ sample of the guides to be part of the test's text. Returns the number of
// samples.
inline size_t expect_compiled(std::initializer_list<const char*> guides, const std::string& test) {
    const std::string compiled = dense(repository_file(test));
    constexpr std::string_view begin = "```cpp\n", end = "```\n";
    size_t samples = 0;
    for (const char* name : guides) {
        const std::string guide = repository_file(name);
        for (size_t at = 0; (at = guide.find(begin, at)) != std::string::npos; ++samples) {
            at += begin.size();
            const std::string sample = guide.substr(at, guide.find(end, at) - at);
            EXPECT_NE(compiled.find(dense(sample)), std::string::npos) << sample;
            at += sample.size() + end.size();
        }
    }
    return samples;
}

}  // namespace starling::server::test
