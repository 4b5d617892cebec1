// base/async.cpp: implements <starling/async.h>: results, and the owners of coroutines.
#include <starling/async_callback.h>

#include <stdexcept>

#include "base/exception_text.h"
#include "base/lifetime.h"

namespace starling::detail {
namespace {

constinit thread_local Strand* current_strand = nullptr;

void require_may_wait() {
    if (current_strand || base::running)
        throw std::logic_error(
            "the thread of a loop cannot wait for a Future: use then(), or co_await it in a "
            "coroutine");
}

}  // namespace

// ---- results ------------------------------------------------------------------------------------

bool ResultBase::ready() const {
    const std::lock_guard lock(mutex_);
    return ready_;
}

void ResultBase::wait() const {
    require_may_wait();
    std::unique_lock lock(mutex_);
    ready_changed_.wait(lock, [this] { return ready_; });
}

bool ResultBase::wait_for(std::chrono::milliseconds time) const {
    require_may_wait();
    std::unique_lock lock(mutex_);
    return ready_changed_.wait_for(lock, time, [this] { return ready_; });
}

void ResultBase::on_ready(std::function<void()> call) {
    {
        const std::lock_guard lock(mutex_);
        if (!ready_) {
            call_ = std::move(call);
            return;
        }
    }
    call();
}

void ResultBase::finish() {
    std::function<void()> call;
    {
        const std::lock_guard lock(mutex_);
        ready_ = true;
        call = std::exchange(call_, nullptr);
        ready_changed_.notify_all();
    }
    if (call) call();
}

void ResultBase::fail(std::exception_ptr error) {
    error_ = std::move(error);
    finish();
}

// ---- threads and owners -------------------------------------------------------------------------

void Scope::add(std::shared_ptr<Owned> coroutine) {
    if (all_.size() >= max_)
        throw std::length_error("too many coroutines of one connection are suspended");
    Owned& added = *coroutine;
    all_.push_back(std::move(coroutine));
    added.scope_ = this;
    added.index_ = all_.size() - 1;
}

// Destroying a coroutine may call anything, even this scope, so the coroutine is removed first.
void Scope::end() noexcept {
    while (!all_.empty()) {
        const std::shared_ptr<Owned> last = std::move(all_.back());
        all_.pop_back();
        last->scope_ = nullptr;
        last->cancel();
    }
}

void Owned::leave_scope() noexcept {
    if (!scope_) return;
    auto& all = std::exchange(scope_, nullptr)->all_;
    std::swap(all[index_], all.back());
    all[index_]->index_ = index_;
    all.pop_back();
}

std::shared_ptr<Strand> Strand::current() noexcept {
    return current_strand ? current_strand->shared_from_this() : nullptr;
}

Strand::Here::Here(Strand& strand) noexcept : outer_(std::exchange(current_strand, &strand)) {}

Strand::Here::~Here() { current_strand = outer_; }

std::string_view describe(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (...) {
        return base::describe_current_exception();  // The text lives as long as `error`.
    }
}

void Home<>::ended(const std::exception_ptr& error) {
    if (!error) return;
    if (const auto strand = Strand::current()) strand->log_exception("coroutine", describe(error));
}

}  // namespace starling::detail
