package exchangetest

import (
	"bufio"
	"bytes"
)

// readDots reads the message that follows DATA and takes the dot-stuffing off
// (RFC 5321 section 4.5.2). Only a dot between two CRLF ends it: to take a
// bare LF for a line's end is what SMTP smuggling lives on. A message of more
// than limit bytes is read to its end and errTooBig returned.
func readDots(br *bufio.Reader, limit int) ([]byte, error) {
	var message []byte
	tooBig := false
	start, cr := true, false // of a line; after a CR that ended a part
	for {
		part, err := br.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		if start && string(part) == ".\r\n" {
			break
		}
		text := part
		if start {
			text = bytes.TrimPrefix(part, []byte("."))
		}
		if tooBig = tooBig || len(message)+len(text) > limit; !tooBig {
			message = append(message, text...)
		}
		start = bytes.HasSuffix(part, []byte("\r\n")) || cr && string(part) == "\n"
		cr = part[len(part)-1] == '\r'
	}
	if tooBig {
		return nil, errTooBig
	}
	return message, nil
}
