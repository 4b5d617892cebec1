// Posts to an application and prints a line for each answer; the interop tests of src/fetch start it.
//
//     fetch_test_client URL CA_FILE COUNT AT_ONCE BODY_BYTES
//
// A line: TAG STATUS sent|unsent whole|cut BODY_OR_ERROR
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "fetch/fetcher.h"
#include "net/loop.h"

namespace {

using namespace starling;

class Client final : fetch::Receiver {
public:
    Client(const fetch::TargetOptions& options, uint64_t count, std::string body)
        : fetcher_(loop_, *this),
          target_(fetcher_.add(options)),
          count_(count),
          body_(std::move(body)) {}

    void run(uint64_t at_once) {
        while (next_ < std::min(at_once, count_)) post();
        while (answered_ < count_) loop_.run_once(100);
    }

private:
    void post() { fetcher_.post(target_, next_++, "Cookie:\nX-Test: a b\n", body_); }

    void fetched(uint64_t tag, const fetch::Answer& answer) override {
        const std::string_view text = answer.error.empty() ? answer.body : answer.error;
        std::printf("%lu %d %s %s %.*s\n", static_cast<unsigned long>(tag), answer.status,
                    answer.sent ? "sent" : "unsent", answer.cut ? "cut" : "whole", int(text.size()),
                    text.data());
        ++answered_;
        if (next_ < count_) post();
    }

    net::Loop loop_;
    fetch::Fetcher fetcher_;
    fetch::Target& target_;
    const uint64_t count_;
    const std::string body_;
    uint64_t next_ = 0, answered_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) return 2;
    Client client(
        {.url = argv[1], .ca_path = argv[2], .connect_timeout_ms = 10'000, .timeout_ms = 10'000},
        std::strtoul(argv[3], nullptr, 10), std::string(std::strtoul(argv[5], nullptr, 10), 'x'));
    client.run(std::strtoul(argv[4], nullptr, 10));
}
