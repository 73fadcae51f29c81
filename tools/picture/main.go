// Picture draws what a program has written to a terminal, in colour, as a PNG.
// That is how docs/doctor.png is made:
//
//	go build -o /tmp/picture ./picture # in tools
//	go run ./examples/doctor -color always -break imap-off | /tmp/picture '$ go run ./examples/doctor -break imap-off' >docs/doctor.png
//
// Its argument is the command line that stands above.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// In pixels.
const (
	size   = 14
	line   = 18
	margin = 14
)

var (
	ground = color.RGBA{0x1a, 0x1b, 0x22, 0xff}
	plain  = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
	faint  = color.RGBA{0x80, 0x80, 0x88, 0xff}
)

// colors are those that a terminal shows for the numbers of SGR.
var colors = map[string]color.RGBA{
	"2": faint, "31": {0xf0, 0x6a, 0x6a, 0xff}, "32": {0x62, 0xc9, 0x7c, 0xff}, "33": {0xe0, 0xc0, 0x60, 0xff}, "36": {0x5c, 0xc8, 0xc8, 0xff}, "90": faint,
}

func main() {
	var command string
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	if err := run(command, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func run(command string, in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	text = bytes.TrimRight(text, "\n")
	if len(text) == 0 {
		return errors.New("there is nothing to draw")
	}
	if command != "" {
		text = slices.Concat([]byte(command+"\n"), text)
	}
	p, err := newPage(strings.Split(string(text), "\n"))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if err := png.Encode(w, p.image); err != nil {
		return err
	}
	return w.Flush()
}

// sgr is a change of colour or weight.
var sgr = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// A page is a picture of lines.
type page struct {
	image       draw.Image
	plain, bold font.Face
	advance     int // of each character
	ink         color.RGBA
	heavy       bool
}

func newPage(lines []string) (*page, error) {
	p := &page{ink: plain}
	var err error
	if p.plain, err = face(gomono.TTF); err != nil {
		return nil, err
	}
	if p.bold, err = face(gomonobold.TTF); err != nil {
		return nil, err
	}
	one, _ := p.plain.GlyphAdvance('x')
	p.advance = one.Ceil()
	widest := 0
	for _, l := range lines {
		widest = max(widest, utf8.RuneCountInString(sgr.ReplaceAllString(l, "")))
	}
	bounds := image.Rect(0, 0, widest*p.advance+2*margin, len(lines)*line+2*margin)
	p.image = image.NewPaletted(bounds, shades())
	draw.Draw(p.image, bounds, image.NewUniform(ground), image.Point{}, draw.Src)
	for i, l := range lines {
		p.draw(l, margin+i*line)
	}
	return p, nil
}

func face(ttf []byte) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
}

// shades are the colours between the ground and each colour of a text.
func shades() color.Palette {
	const steps = 16
	var all color.Palette
	for _, c := range append([]color.RGBA{plain}, values()...) {
		for i := range steps {
			mix := func(a, b uint8) uint8 { return uint8((int(a)*(steps-1-i) + int(b)*i) / (steps - 1)) }
			all = append(all, color.RGBA{mix(ground.R, c.R), mix(ground.G, c.G), mix(ground.B, c.B), 0xff})
		}
	}
	return all
}

func values() (list []color.RGBA) {
	for _, c := range colors {
		if !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b color.RGBA) int { return int(a.R)<<8 + int(a.G) - int(b.R)<<8 - int(b.G) })
	return list
}

// draw draws a line whose upper edge is at y.
func (p *page) draw(text string, y int) {
	x := margin
	for text != "" {
		if m := sgr.FindStringSubmatchIndex(text); m != nil && m[0] == 0 {
			for code := range strings.SplitSeq(text[m[2]:m[3]], ";") {
				switch c, ok := colors[code]; {
				case ok:
					p.ink = c
				case code == "1":
					p.heavy = true
				default:
					p.ink, p.heavy = plain, false
				}
			}
			text = text[m[1]:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		p.glyph(r, x, y)
		x, text = x+p.advance, text[n:]
	}
}

// strokes are the signs that the font has not, from corner to corner of a square
// of eight pixels.
var strokes = map[rune][][4]int{
	'✓': {{0, 4, 3, 7}, {3, 7, 7, 0}},
	'✗': {{0, 0, 7, 7}, {7, 0, 0, 7}},
}

func (p *page) glyph(r rune, x, y int) {
	for _, s := range strokes[r] {
		for i := range 15 {
			at := func(from, to int) int { return from + (to-from)*i/14 }
			p.image.Set(x+at(s[0], s[2]), y+5+at(s[1], s[3]), p.ink)
			p.image.Set(x+1+at(s[0], s[2]), y+5+at(s[1], s[3]), p.ink)
		}
	}
	if strokes[r] != nil {
		return
	}
	d := font.Drawer{Dst: p.image, Src: image.NewUniform(p.ink), Face: p.plain, Dot: fixed.P(x, y+size)}
	if p.heavy {
		d.Face = p.bold
	}
	d.DrawString(string(r))
}
