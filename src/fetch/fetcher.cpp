#include "fetch/fetcher.h"

#include <curl/curl.h>

#include <utility>
#include <vector>

#include "fetch/multi.h"
#include "fetch/request.h"
#include "fetch/target.h"
#include "net/loop.h"

namespace starling::fetch {

class Fetcher::Impl final : public Multi::Owner {
public:
    Impl(net::Loop& loop, Receiver& receiver)
        : loop_(loop), receiver_(receiver), multi_(loop, *this) {}

    Target& add(const TargetOptions& options) {
        return *targets_.emplace_back(std::make_unique<Target>(multi_, options));
    }

    void post(Target& target, uint64_t tag, std::string_view headers, std::string body) {
        Request& request = target.take();
        try {
            request.prepare(tag, headers, std::move(body), loop_.now_ms(), loop_.now_ms());
            multi_.add(request.easy());
        } catch (...) {
            target.give_back(request);
            throw;
        }
        ++in_flight_;
    }

    [[nodiscard]] size_t in_flight() const noexcept { return in_flight_; }

private:
    // Gives the request back once nobody reads the answer, whose views point into the request.
    struct InUse {
        Request& request;
        ~InUse() { request.target().give_back(request); }
    };

    void on_complete(CURL* easy, CURLcode result) override {
        Request& request = Request::of(easy);
        if (request.follow(result, loop_.now_ms())) return multi_.add(easy);
        --in_flight_;
        const InUse in_use{request};
        receiver_.fetched(request.tag(), request.answer(result));
    }

    net::Loop& loop_;
    Receiver& receiver_;
    size_t in_flight_ = 0;
    Multi multi_;
    // Destroyed first, which removes the transfers of the targets.
    std::vector<std::unique_ptr<Target>> targets_;
};

Fetcher::Fetcher(net::Loop& loop, Receiver& receiver)
    : impl_(std::make_unique<Impl>(loop, receiver)) {}
Fetcher::~Fetcher() = default;

Target& Fetcher::add(const TargetOptions& options) { return impl_->add(options); }

void Fetcher::post(Target& target, uint64_t tag, std::string_view headers, std::string body) {
    impl_->post(target, tag, headers, std::move(body));
}

size_t Fetcher::in_flight() const noexcept { return impl_->in_flight(); }

}  // namespace starling::fetch
