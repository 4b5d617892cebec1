#include "fetch/fetcher.h"

#include <curl/curl.h>

#include <exception>
#include <utility>
#include <vector>

#include "fetch/application.h"
#include "fetch/failure.h"
#include "fetch/header_lines.h"
#include "fetch/multi.h"
#include "fetch/plain_sender.h"
#include "fetch/request.h"
#include "fetch/target.h"
#include "net/loop.h"

namespace starling::fetch {

class Fetcher::Impl final : public Multi::Owner, private PlainSender::Owner {
public:
    Impl(net::Loop& loop, Receiver& receiver, Senders senders)
        : loop_(loop),
          receiver_(receiver),
          has_plain_(senders == Senders::plain_and_libcurl),
          multi_(loop, *this),
          plain_(loop, *this) {}

    Target& add(const TargetOptions& options) {
        auto target = std::make_unique<Target>(multi_, options);
        if (has_plain_)
            if (const auto place =
                    plain_place(target->url(), options.unix_socket, target->loopback()))
                target->application = &plain_.application(*place, target->url());
        return *targets_.emplace_back(std::move(target));
    }

    void post(Target& target, uint64_t tag, std::string_view headers, std::string body) {
        const uint64_t now_ms = loop_.now_ms();
        if (target.application && !target.application->must_ask(now_ms)) {
            plain_.post(target, tag, headers, std::move(body));
            ++sent_plainly_;
        } else {
            post_by_libcurl(target, tag, headers, std::move(body), now_ms);
        }
        ++in_flight_;
    }

    [[nodiscard]] size_t in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] uint64_t sent_plainly() const noexcept { return sent_plainly_; }

private:
    // Gives the request back once nobody reads the answer, whose views point into the request.
    struct InUse {
        Request& request;
        ~InUse() { request.target().give_back(request); }
    };

    void post_by_libcurl(Target& target, uint64_t tag, std::string_view headers, std::string body,
                         uint64_t started_ms) {
        Request* request = nullptr;
        try {
            request = &target.take();
            request->prepare(tag, headers, std::move(body), started_ms, loop_.now_ms());
            multi_.add(request->easy());
        } catch (...) {
            if (request) target.give_back(*request);
            if (target.application) target.application->gave_up();
            throw;
        }
    }

    void on_complete(CURL* easy, CURLcode result) override {
        Request& request = Request::of(easy);
        if (request.follow(result, loop_.now_ms())) return multi_.add(easy);
        --in_flight_;
        const InUse in_use{request};
        if (Application* const application = request.target().application)
            learn(*application, request, result);
        receiver_.fetched(request.tag(), request.answer(result));
    }

    // Tells the application the address that libcurl has reached.
    void learn(Application& application, const Request& request, CURLcode result) {
        application.gave_up();
        const char* ip = nullptr;
        if (result == CURLE_OK) curl_easy_getinfo(request.easy(), CURLINFO_PRIMARY_IP, &ip);
        if (ip && *ip)
            application.resolved(ip, loop_.now_ms());
        else if (!request.connected())
            application.forget();
    }

    void on_answer(uint64_t tag, const Answer& answer) override {
        --in_flight_;
        receiver_.fetched(tag, answer);
    }

    void on_unreachable(PlainRequest& request) override {
        try {
            post_by_libcurl(*request.target, request.tag,
                            callers_headers(request.head, request.lines), std::move(request.body),
                            request.started_ms);
        } catch (const std::exception&) {
            Answer answer;
            answer.error = failure_text::no_memory;
            on_answer(request.tag, answer);
        }
    }

    net::Loop& loop_;
    Receiver& receiver_;
    const bool has_plain_;
    size_t in_flight_ = 0;
    uint64_t sent_plainly_ = 0;
    Multi multi_;
    PlainSender plain_;
    // Destroyed first, which removes the transfers of the targets.
    std::vector<std::unique_ptr<Target>> targets_;
};

Fetcher::Fetcher(net::Loop& loop, Receiver& receiver, Senders senders)
    : impl_(std::make_unique<Impl>(loop, receiver, senders)) {}
Fetcher::~Fetcher() = default;

Target& Fetcher::add(const TargetOptions& options) { return impl_->add(options); }

void Fetcher::post(Target& target, uint64_t tag, std::string_view headers, std::string body) {
    impl_->post(target, tag, headers, std::move(body));
}

size_t Fetcher::in_flight() const noexcept { return impl_->in_flight(); }

uint64_t Fetcher::sent_plainly() const noexcept { return impl_->sent_plainly(); }

}  // namespace starling::fetch
