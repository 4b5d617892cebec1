// Which pages a site's origins let in beside those of a path, and which of them get cookies.
#include "server/site_origins.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "http/request_parts.h"

namespace starling::server {
namespace {

using Origins = std::vector<std::string>;

const std::string page = "https://page.example";

// The fields of the answer to the page: "", "allowed" or "allowed with cookies".
std::string answer_to(const Origins& site, const std::optional<http::CorsOptions>& path) {
    const http::Field origin{"Origin", page};
    http::RequestParts parts;
    parts.fields = {&origin, 1};
    parts.site_origins = site.empty() ? nullptr : &site;
    http::Response response;
    (void)apply_site_cors(path ? &*path : nullptr, http::Request(parts), response);
    const std::string text(response.field_lines());
    const auto has = [&](const std::string& part) { return text.find(part) != std::string::npos; };
    if (!has("Access-Control-Allow-Origin: ")) return "";
    return has("Access-Control-Allow-Credentials: true") ? "allowed with cookies" : "allowed";
}

TEST(SiteOrigins, AreAddedToThoseOfThePath) {
    const std::string plain = "allowed", cookies = "allowed with cookies";
    const http::CorsOptions nobody{.origins = {}, .credentials = true},
        anybody{.origins = {"*"}, .credentials = false},
        named{.origins = {page}, .credentials = true},
        named_without{.origins = {page}, .credentials = false},
        other{.origins = {"https://other.example"}, .credentials = true};
    const struct {
        Origins site;
        std::optional<http::CorsOptions> path;
        std::string want;
    } cases[] = {
        {{}, std::nullopt, ""},
        {{}, nobody, ""},
        {{}, anybody, plain},
        {{}, named, cookies},
        {{page}, std::nullopt, cookies},
        {{page}, other, cookies},
        {{page}, named_without, cookies},
        {{"https://*.example"}, std::nullopt, cookies},
        // "*" takes nothing away from a page that the path lists, and gives cookies to no other page.
        {{"*"}, std::nullopt, plain},
        {{"*"}, named, cookies},
        {{"*"}, named_without, plain},
        {{"*"}, other, plain},
        {{"*"}, anybody, plain},
        {{"https://other.example"}, named, cookies},
        {{"https://other.example"}, std::nullopt, ""},
    };
    for (const auto& c : cases)
        EXPECT_EQ(answer_to(c.site, c.path), c.want)
            << (c.site.empty() ? "no site" : c.site[0]) << ", "
            << (!c.path                   ? "no rules"
                : c.path->origins.empty() ? "nobody"
                                          : c.path->origins[0])
            << (c.path && c.path->credentials ? " with cookies" : "");
}

}  // namespace
}  // namespace starling::server
