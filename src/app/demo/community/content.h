// app/demo/community/content.h: the contents of a new data file. An article's number is also the
// number of its channel: ArticleMessage256.
//
// Constant; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace starling::app::community {

struct FirstUser {
    std::string_view email, name;
};

struct FirstArticle {
    int64_t id;
    std::string_view title_en, title_zh, body_en, body_zh;
};

[[nodiscard]] std::span<const FirstUser> first_users() noexcept;
[[nodiscard]] std::span<const FirstArticle> first_articles() noexcept;

}  // namespace starling::app::community
