// Only this file of the folder includes libcurl.
#include "app/connect/event_source.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <map>
#include <new>
#include <utility>

#include "base/text.h"

namespace starling::app::connect {
namespace {

constexpr size_t body_bytes_max = 1024;
constexpr long redirects_max = 10;

template <auto function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        function(object);
    }
};
using Easy = std::unique_ptr<CURL, Free<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, Free<curl_multi_cleanup>>;
using Lines = std::unique_ptr<curl_slist, Free<curl_slist_free_all>>;

void append_line(Lines& lines, const std::string& line) {
    curl_slist* const longer = curl_slist_append(lines.get(), line.c_str());
    if (!longer) throw std::bad_alloc();
    (void)lines.release();
    lines.reset(longer);
}

struct Global {
    Global() { curl_global_init(CURL_GLOBAL_DEFAULT); }
    ~Global() { curl_global_cleanup(); }
    Global(const Global&) = delete;
    Global& operator=(const Global&) = delete;
};

}  // namespace

struct EventSource::Transfer {
    Transfer(ClientLoop& its_loop, Calls its_calls) : loop(its_loop), calls(std::move(its_calls)) {}
    ~Transfer() {
        *alive = false;
        if (multi && easy) curl_multi_remove_handle(multi.get(), easy.get());
        for (const auto& [descriptor, watch] : watches) loop.unwatch(watch);
        loop.cancel(timer);
    }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    void set_options(const StreamUrl& url, const Options& options, const std::string& last_id);
    void start();
    void act(curl_socket_t descriptor, int ready);
    void finish(CURLcode result);
    void read_head();

    static size_t on_header(char* bytes, size_t size, size_t count, void* self);
    static size_t on_body(char* bytes, size_t size, size_t count, void* self);
    static int on_socket(CURL*, curl_socket_t descriptor, int what, void* self, void*);
    static int on_timer(CURLM*, long ms, void* self);

    Global global;  // First: the others need it.
    ClientLoop& loop;
    Calls calls;
    Answer answer;
    bool head_read = false, paused = false;
    std::array<char, CURL_ERROR_SIZE> text{};
    Lines lines;
    std::map<curl_socket_t, ClientLoop::Watch> watches;
    ClientLoop::Timer timer = 0;
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
    Multi multi{curl_multi_init()};
    Easy easy{curl_easy_init()};
};

void EventSource::Transfer::set_options(const StreamUrl& url, const Options& options,
                                        const std::string& last_id) {
    CURL* const e = easy.get();
    append_line(lines, "Accept: text/event-stream");
    append_line(lines, "Cache-Control: no-cache");
    if (!last_id.empty()) append_line(lines, "Last-Event-ID: " + last_id);
    // "Name;" is libcurl's form of a field without a value.
    for (const auto& [name, value] : options.headers)
        append_line(lines, value.empty() ? name + ";" : name + ": " + value);
    curl_easy_setopt(e, CURLOPT_URL, url.url.c_str());
    if (!url.unix_socket.empty()) {
        curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, url.unix_socket.c_str());
        curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    }
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, lines.get());
    curl_easy_setopt(e, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, text.data());
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, options.redirects ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_MAXREDIRS, redirects_max);
    if (url.url.starts_with("https:"))  // Never from TLS to none.
        curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    if (options.proxy) curl_easy_setopt(e, CURLOPT_PROXY, options.proxy->c_str());
    if (!options.ca.empty()) {
        curl_easy_setopt(e, CURLOPT_CAINFO, options.ca.c_str());
        curl_easy_setopt(e, CURLOPT_CAPATH, nullptr);  // Else the system's are trusted too.
    }
    if (!options.certificate.empty()) {
        curl_easy_setopt(e, CURLOPT_SSLCERT, options.certificate.c_str());
        curl_easy_setopt(e, CURLOPT_SSLKEY, options.key.c_str());
    }
    if (!options.verify) {
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

void EventSource::Transfer::start() {
    CURLM* const m = multi.get();
    curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(m, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(m, CURLMOPT_TIMERDATA, this);
    curl_multi_add_handle(m, easy.get());
}

int EventSource::Transfer::on_socket(CURL*, curl_socket_t descriptor, int what, void* to, void*) {
    Transfer& self = *static_cast<Transfer*>(to);
    const auto found = self.watches.find(descriptor);
    if (what == CURL_POLL_REMOVE) {
        if (found == self.watches.end()) return 0;
        self.loop.unwatch(found->second);
        self.watches.erase(found);
        return 0;
    }
    const ClientLoop::Readiness wanted{(what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0};
    if (found != self.watches.end()) {
        self.loop.change(found->second, wanted);
        return 0;
    }
    self.watches[descriptor] =
        self.loop.watch(descriptor, wanted, [&self, descriptor](ClientLoop::Readiness ready) {
            self.act(descriptor, (ready.readable ? CURL_CSELECT_IN : 0) |
                                     (ready.writable ? CURL_CSELECT_OUT : 0));
        });
    return 0;
}

int EventSource::Transfer::on_timer(CURLM*, long ms, void* to) {
    Transfer& self = *static_cast<Transfer*>(to);
    self.loop.cancel(std::exchange(self.timer, 0));
    if (ms >= 0)
        self.timer = self.loop.after(std::chrono::milliseconds(ms), [&self] {
            self.timer = 0;
            self.act(CURL_SOCKET_TIMEOUT, 0);
        });
    return 0;
}

void EventSource::Transfer::act(curl_socket_t descriptor, int ready) {
    const std::shared_ptr<bool> still = alive;
    int running = 0, left = 0;
    curl_multi_socket_action(multi.get(), descriptor, ready, &running);
    if (!*still) return;
    while (const CURLMsg* const message = curl_multi_info_read(multi.get(), &left))
        if (message->msg == CURLMSG_DONE) return finish(message->data.result);
}

// The empty line ends the head. A stream may send nothing for long after it.
size_t EventSource::Transfer::on_header(char*, size_t size, size_t count, void* to) {
    constexpr size_t line_end_bytes = 2;
    Transfer& self = *static_cast<Transfer*>(to);
    long status = 0;
    curl_easy_getinfo(self.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (size * count <= line_end_bytes && status == 200) self.read_head();
    return size * count;
}

// What is known when the head is complete.
void EventSource::Transfer::read_head() {
    if (std::exchange(head_read, true)) return;
    long status = 0;
    char* type = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy.get(), CURLINFO_CONTENT_TYPE, &type);
    answer.status = static_cast<int>(status);
    answer.type = type ? type : "";
    answer.type.erase(std::min(answer.type.find_first_of("; \t"), answer.type.size()));
    std::ranges::transform(answer.type, answer.type.begin(), base::lower);
    if (answer.is_stream()) calls.on_open();
}

// libcurl is on the stack: the calls do not destroy the source.
size_t EventSource::Transfer::on_body(char* bytes, size_t size, size_t count, void* to) {
    Transfer& self = *static_cast<Transfer*>(to);
    if (self.paused) return CURL_WRITEFUNC_PAUSE;
    self.read_head();
    const std::string_view part(bytes, size * count);
    if (self.answer.is_stream()) {
        self.calls.on_bytes(part);
        return part.size();
    }
    self.answer.body.append(part.substr(0, body_bytes_max - self.answer.body.size()));
    return self.answer.body.size() < body_bytes_max ? part.size() : 0;
}

void EventSource::Transfer::finish(CURLcode result) {
    if (result == CURLE_OK || result == CURLE_WRITE_ERROR) read_head();
    if (!head_read || (answer.is_stream() && result != CURLE_OK))
        answer.error = text[0] ? text.data() : curl_easy_strerror(result);
    const Answer end = std::move(answer);
    calls.on_end(end);
}

EventSource::EventSource(ClientLoop& loop, const StreamUrl& url, const Options& options,
                         const std::string& last_id, Calls calls)
    : transfer_(std::make_unique<Transfer>(loop, std::move(calls))) {
    if (!transfer_->easy || !transfer_->multi) throw std::bad_alloc();
    transfer_->set_options(url, options, last_id);
    transfer_->start();
}

EventSource::~EventSource() = default;

void EventSource::pause() { transfer_->paused = true; }

void EventSource::resume() {
    if (!std::exchange(transfer_->paused, false)) return;
    // From the loop: this call may deliver bytes at once.
    transfer_->loop.post([transfer = transfer_.get(), alive = transfer_->alive] {
        if (*alive) curl_easy_pause(transfer->easy.get(), CURLPAUSE_CONT);
    });
}

}  // namespace starling::app::connect
