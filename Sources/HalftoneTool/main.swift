print("halftone")
