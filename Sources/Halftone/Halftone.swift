@_exported import HalftoneCompression
