#include "net/acceptor.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/assert.h"
#include "net/backend.h"
#include "net/loop.h"

namespace starling::net {
namespace {

Descriptor open_reserve() noexcept { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Acceptor::Acceptor(Loop& loop, Descriptor listening, Accepted accepted)
    : loop_(loop),
      listening_(std::move(listening)),
      reserve_(open_reserve()),
      accepted_(std::move(accepted)) {
    STARLING_ASSERT(loop_.touched_by_own_thread() && listening_ && accepted_);
    if (const auto error = loop_.backend().listen(*this)) throw std::system_error(error, "listen");
}

Acceptor::~Acceptor() {
    STARLING_ASSERT(loop_.touched_by_own_thread());
    if (resume_timer_)
        loop_.cancel_timer(resume_timer_);
    else
        loop_.backend().unlisten(*this);
}

// An exception ends this one connection; the others in the queue are accepted.
void Acceptor::accepted(Descriptor fd) {
    STARLING_ASSERT(loop_.touched_by_own_thread() && fd && !resume_timer_);
    loop_.guarded([&] { accepted_(std::move(fd)); });
}

void Acceptor::failed(int error) {
    STARLING_ASSERT(loop_.touched_by_own_thread() && error != 0);
    if (reserve_ && (error == EMFILE || error == ENFILE)) refuse_one();
    pause();  // After any error: the socket stays ready, and would be reported again and again.
}

void Acceptor::refuse_one() noexcept {
    reserve_.reset();
    {
        const Descriptor peer(
            ::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (peer && !refusal_.empty()) {
            (void)!::send(peer.get(), refusal_.data(), refusal_.size(), MSG_NOSIGNAL);
            ::shutdown(peer.get(), SHUT_WR);
            // Reads the request first: closing with unread bytes resets the connection, and the
            // peer might lose the refusal.
            std::array<char, 4096> request;
            for (int i = 0; i < refused_reads_max; ++i)
                if (::recv(peer.get(), request.data(), request.size(), 0) <= 0) break;
        }
    }
    reserve_ = open_reserve();  // At once, before other code takes the descriptor.
}

void Acceptor::pause() {
    if (resume_timer_) return;
    ++pauses_;
    if (on_pause_) on_pause_();
    loop_.backend().unlisten(*this);
    resume_timer_ = loop_.after(pause_ms, [this] { resume(); });
}

void Acceptor::resume() {
    resume_timer_ = 0;
    if (!reserve_) reserve_ = open_reserve();
    if (loop_.backend().listen(*this)) pause();
}

}  // namespace starling::net
