module gorilla
