// Only this file includes histedit.h.
#include "app/connect/editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "app/connect/printable.h"
#include "base/descriptor.h"
#include "base/utf8.h"

namespace starling::app::connect {
namespace {

constexpr int history_lines_max = 1000;
constexpr char end_of_file = 4;  // Ctrl-D.
std::string prompt_text = "> ";

template <auto function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        function(object);
    }
};
using File = std::unique_ptr<FILE, Free<::fclose>>;

char* prompt(EditLine*) { return prompt_text.data(); }

File open_copy(int descriptor, const char* mode) {
    const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    File file(copy < 0 ? nullptr : ::fdopen(copy, mode));
    if (!file) throw std::system_error(errno, std::generic_category(), "terminal");
    return file;
}

// libedit writes characters in the program's locale.
void use_utf8() {
    ::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) ::setlocale(LC_CTYPE, "C.UTF-8");
}

size_t columns_of_terminal(int descriptor) {
    winsize size{};
    const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

// The history may hold passwords: only its user may read it, also where the file was there before.
bool make_history_file(const std::string& path) {
    std::error_code error;
    const auto folder = std::filesystem::path(path).parent_path();
    if (std::filesystem::create_directories(folder, error))
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    const base::Descriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    return file && ::fchmod(file.get(), 0600) == 0;
}

}  // namespace

struct Editor::Libedit {
    Libedit(int in_fd, int out_fd)
        : in(open_copy(in_fd, "r")),
          out(open_copy(out_fd, "w")),
          lines(::history_init()),
          line(::el_init("starling", in.get(), out.get(), out.get())) {
        if (!line || !lines) throw std::runtime_error("libedit cannot use this terminal");
        ::el_set(line.get(), EL_CLIENTDATA, this);
        ::el_set(line.get(), EL_PROMPT, &prompt);
        ::el_set(line.get(), EL_EDITOR, "emacs");
        ::el_set(line.get(), EL_SIGNAL, 0);
        HistEvent event;
        ::history(lines.get(), &event, H_SETSIZE, history_lines_max);
        ::history(lines.get(), &event, H_SETUNIQUE, 1);
        ::el_set(line.get(), EL_HIST, ::history, lines.get());
        ::el_set(line.get(), EL_GETCFN, &read_character);
        ::el_source(line.get(), nullptr);  // ~/.editrc
    }

    // 1: a character; 0: the end; -1: an error.
    static int read_character(EditLine* line, wchar_t* to) {
        Libedit* self = nullptr;
        ::el_get(line, EL_CLIENTDATA, &self);
        std::array<char, 4> bytes{};
        size_t size = 0, wanted = 1;
        while (size < wanted) {
            const ssize_t got = ::read(::fileno(self->in.get()), &bytes.at(size), 1);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) {
                self->ended = got == 0 || errno != EAGAIN;
                return got == 0 ? 0 : -1;
            }
            if (++size == 1) {
                const auto lead = base::utf8_lead(static_cast<uint8_t>(bytes[0]));
                wanted = lead.bytes == 0 ? 1 : lead.bytes;
            }
        }
        *to = static_cast<wchar_t>(base::utf8_front({bytes.data(), size}).code);
        return 1;
    }

    File in, out;
    std::unique_ptr<History, Free<::history_end>> lines;
    std::unique_ptr<EditLine, Free<::el_end>> line;
    bool ended = false;
};

Editor::Editor(ClientLoop& loop, int in, int out, std::string history_path, Calls calls)
    : loop_(loop),
      in_(in),
      out_(out),
      history_path_(std::move(history_path)),
      calls_(std::move(calls)) {
    use_utf8();
    libedit_ = std::make_unique<Libedit>(in, out);
    HistEvent event;
    if (!history_path_.empty())
        ::history(libedit_->lines.get(), &event, H_LOAD, history_path_.c_str());
}

Editor::~Editor() {
    stop();
    HistEvent event;
    if (!history_path_.empty() && make_history_file(history_path_))
        ::history(libedit_->lines.get(), &event, H_SAVE, history_path_.c_str());
}

void Editor::start() {
    if (watch_ != 0) return;
    watch_ = loop_.watch(in_, {.readable = true}, [this](ClientLoop::Readiness) { on_readable(); });
    ::el_set(libedit_->line.get(), EL_UNBUFFERED, 1);  // Raw mode, and the prompt.
    visible_ = true;
}

void Editor::stop() {
    hide();
    if (watch_ != 0) ::el_set(libedit_->line.get(), EL_UNBUFFERED, 0);  // The mode from before.
    loop_.unwatch(std::exchange(watch_, 0));
}

void Editor::on_readable() {
    int size = 0;
    const char* const text = ::el_gets(libedit_->line.get(), &size);
    const bool ctrl_d = text && size == 1 && text[0] == end_of_file;
    if (ctrl_d || libedit_->ended) {
        stop();
        return calls_.on_end();
    }
    if (!text || size <= 0 || (text[size - 1] != '\n' && text[size - 1] != '\r')) return;
    line_ended(std::string(text, static_cast<size_t>(size) - 1));
}

void Editor::line_ended(std::string line) {
    ::el_set(libedit_->line.get(), EL_UNBUFFERED, 0);
    // libedit has gone on to the row below the line.
    const size_t rows = (prompt_text.size() + columns_of(line)) / columns_of_terminal(out_) + 1;
    ::fprintf(libedit_->out.get(), "\x1b[%zuA\r\x1b[J", rows);
    ::fflush(libedit_->out.get());
    visible_ = false;
    HistEvent event;
    if (!line.empty() && line.front() != ' ')
        ::history(libedit_->lines.get(), &event, H_ENTER, line.c_str());
    between_lines_ = true;
    calls_.on_line(line);
    between_lines_ = false;
    if (watch_ == 0) return;
    ::el_set(libedit_->line.get(), EL_UNBUFFERED, 1);
    visible_ = true;
}

void Editor::hide() {
    if (!std::exchange(visible_, false)) return;
    const LineInfo* const typed = ::el_line(libedit_->line.get());
    const std::string_view before(typed->buffer,
                                  static_cast<size_t>(typed->cursor - typed->buffer));
    const size_t row = (prompt_text.size() + columns_of(before)) / columns_of_terminal(out_);
    if (row > 0) ::fprintf(libedit_->out.get(), "\x1b[%zuA", row);
    ::fputs("\r\x1b[J", libedit_->out.get());
    ::fflush(libedit_->out.get());
}

void Editor::show() {
    if (watch_ == 0 || between_lines_ || std::exchange(visible_, true)) return;
    ::el_set(libedit_->line.get(), EL_REFRESH);
}

void Editor::resized() { ::el_resize(libedit_->line.get()); }

void Editor::suspend() {
    hide();
    if (watch_ != 0) ::el_set(libedit_->line.get(), EL_PREP_TERM, 0);
    ::kill(::getpid(), SIGSTOP);
    if (watch_ != 0) ::el_set(libedit_->line.get(), EL_PREP_TERM, 1);
    show();
}

}  // namespace starling::app::connect
