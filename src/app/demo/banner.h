// app/demo/banner.h: what the demo prints when it starts: the pages, and a command to try.
//
// Pure function. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::app {

struct BannerFacts {
    std::string_view url;          // "http://localhost:8080"; 0.0.0.0 and [::] become localhost.
    std::string_view publish_key;  // Of POST /api/publish for ApiIndex; "": not to be shown.
    bool docs = false;             // They are built, and served at /docs/.
    bool gateway_console = false;
};

// Lines, each with its end. "": the address is not one that a browser can open.
[[nodiscard]] std::string banner(const BannerFacts& facts);

}  // namespace starling::app
