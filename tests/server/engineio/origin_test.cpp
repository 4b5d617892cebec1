// Which pages may open a session: by Origin, or by Sec-Fetch-Site for a <script> without Origin.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

using namespace std::string_literals;

class EngineOrigin : public EngineTest {};

TEST_F(EngineOrigin, PagesOfTheSameSiteAndThoseThatAreListed) {
    EngineOptions options;
    options.origins = {"https://listed.example"};
    options.allow_eio3 = true;
    start(options);
    const struct {
        const char* fields;
        int status;
    } cases[] = {
        {"", 200},  // Not a browser.
        {"Origin: http://here\r\n", 200},
        {"Origin: https://listed.example\r\n", 200},
        {"Origin: https://other.example\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Sec-Fetch-Site: same-origin\r\n", 200},
        {"Sec-Fetch-Site: none\r\n", 200},  // Address typed in by the user.
        {"Sec-Fetch-Site: cross-site\r\n", 403},
        {"Sec-Fetch-Site: same-site\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\nReferer: https://listed.example\r\n", 200},
        {"Sec-Fetch-Site: cross-site\r\nReferer: https://listed.example/a?b#c\r\n", 200},
        {"Sec-Fetch-Site: cross-site\r\nReferer: https://listed.example.other/\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\nReferer: https://other.example/?https://listed.example\r\n",
         403},
        {"Sec-Fetch-Site: same-site\r\nReferer: http://here/page\r\n", 200},
        // A page cannot override the fields that the browser sets.
        {"Sec-Fetch-Site: cross-site\r\nOrigin: https://other.example\r\n"
         "Referer: https://listed.example/\r\n",
         403},
    };
    for (const auto& c : cases) {
        Client client(t->port());
        const Answer answer = client.request(
            "GET /socket.io/?EIO=3&transport=polling&j=0 HTTP/1.1\r\n"
            "Host: here\r\n"s +
            c.fields + "\r\n");
        EXPECT_EQ(answer.status, c.status) << c.fields;
    }
}

}  // namespace
}  // namespace starling::server::test
