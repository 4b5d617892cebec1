// Names that take long to look up: libcurl's threads wait for them, the loop never does.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "tests/fetch/fixture.h"
#include "tests/fetch/slow_names.h"

namespace starling::fetch {
namespace {

class Resolve : public FetchTest {
protected:
    [[nodiscard]] std::string url(const char* host) const {
        return "http://" + std::string(host) + ":" + std::to_string(app_.port()) + "/hook";
    }
    App app_{loop_};
};

TEST_P(Resolve, ANameThatIsFound) {
    SlowNames names;
    names.release();
    Target& target = fetcher_->add({.url = url("slow.example"), .timeout_ms = 60'000});
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(names.asked(), 1);
}

// The first address refuses when the kernel asks once more, after a second. libcurl then closes that socket
// without a word, and the socket for the second address gets its number.
TEST_P(Resolve, TheSecondAddressWhereTheFirstRefusesLater) {
    const std::string port = std::to_string(fake::port_of_two());
    app_.stop_listening();
    app_.listen("127.0.0.1:" + port);
    std::optional<FullQueue> queue(std::in_place, "127.0.0.2:" + port);
    fetcher_->post(
        fetcher_->add(
            {.url = url("two.example"), .connect_timeout_ms = 60'000, .timeout_ms = 60'000}),
        1, "", "{}");
    ASSERT_TRUE(fake::run_until(loop_, [&] { return queue->is_asked(); }));
    queue.reset();
    ASSERT_TRUE(run_until_results(1));
    EXPECT_EQ(results_[0].status, 200) << results_[0].error;
}

TEST_P(Resolve, ARequestThatWaitsForItsNameTimesOut) {
    SlowNames names;
    const Result result = fetch({.url = url("slow.example"),
                                 .connect_timeout_ms = 50,
                                 .timeout_ms = 60'000});  // Returns while the name is looked up.
    EXPECT_EQ(result.status, 0);
    EXPECT_FALSE(result.sent);
    EXPECT_EQ(result.error, "no connection within 50 ms");
    EXPECT_EQ(names.answered(), 0);
}

TEST_P(Resolve, OtherRequestsDoNotWait) {
    SlowNames names;
    fetcher_->post(
        fetcher_->add(
            {.url = url("slow.example"), .connect_timeout_ms = 60'000, .timeout_ms = 60'000}),
        7, "", "{}");
    ASSERT_TRUE(fake::run_until(loop_, [&] { return names.asked() == 1; }));
    EXPECT_EQ(fetch({.url = app_.url()}).status, 200);
    EXPECT_EQ(names.answered(), 0);
    names.release();
    ASSERT_TRUE(run_until_results(2));
    EXPECT_EQ(results_.back().tag, 7u);
    EXPECT_EQ(results_.back().status, 200);
}

TEST_P(Resolve, TheEndDoesNotWait) {
    SlowNames names;
    fetcher_->post(fetcher_->add({.url = url("slow.example")}), 1, "", "{}");
    ASSERT_TRUE(fake::run_until(loop_, [&] { return names.asked() == 1; }));
    fetcher_.reset();
    EXPECT_EQ(names.answered(), 0);
    EXPECT_TRUE(results_.empty());
}

INSTANTIATE_BOTH_SENDERS(Resolve);

}  // namespace
}  // namespace starling::fetch
