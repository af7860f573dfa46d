// LineReader: takes one line after the other off a stream of bytes, and not one byte more.
#ifndef MING_REVERSE_LINE_READER_H_
#define MING_REVERSE_LINE_READER_H_

#include <cstddef>
#include <optional>
#include <string>

#include "ming/base/bytes.h"

namespace ming::reverse {

class LineReader {
 public:
  struct Step {
    size_t consumed = 0;  // bytes taken off the front
    // Without LF and without one CR before it. None: more bytes are needed, or too_long.
    std::optional<std::string> line;
    bool too_long = false;  // `max_line` bytes without LF
  };

  // Looks at the next bytes of the stream for one line of at most `max_line` bytes, LF included.
  // Without a LF everything seen is taken, so that a level-triggered reader does not spin.
  Step Take(ByteSpan bytes, size_t max_line);

  // What was taken of a line that is not complete.
  const std::string& partial() const { return partial_; }

 private:
  std::string partial_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_LINE_READER_H_
