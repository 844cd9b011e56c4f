// Reads a Snappy stream from standard input, as nats-server's own clients do.
package main

import (
	"io"
	"os"

	"github.com/klauspost/compress/s2"
)

func main() {
	if _, err := io.Copy(os.Stdout, s2.NewReader(os.Stdin)); err != nil {
		panic(err)
	}
}
