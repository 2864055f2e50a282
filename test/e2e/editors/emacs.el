;;; emacs --batch -l: opens $QRM_FILE with eglot, prints what the server gave as JSON.  -*- lexical-binding: t -*-
(require 'eglot)
(require 'flymake)
(require 'json)
(define-derived-mode jsonl-mode prog-mode "JSONL")
(setq eglot-sync-connect 60
      eglot-connect-timeout 60
      eglot-autoshutdown t)
(add-to-list 'eglot-server-programs
             `(jsonl-mode . (,(getenv "QRM_NODE") ,(getenv "QRM_CLI") "lsp" "--stdio"
                             :initializationOptions
                             (:settings (:model (:path ,(getenv "QRM_MODEL")) :threads 1)))))
(find-file (getenv "QRM_FILE"))
(jsonl-mode)
(apply #'eglot (eglot--guess-contact))
(let ((end (+ (float-time) 240)))
  (while (and (< (float-time) end)
              (progn (flymake-start) (null (flymake-diagnostics))))
    (accept-process-output nil 0.3)))
(let* ((found (flymake-diagnostics))
       (first (car (sort (copy-sequence found)
                         (lambda (a b) (< (flymake-diagnostic-beg a) (flymake-diagnostic-beg b))))))
       (server (eglot-current-server))
       (hover (when first
                (goto-char (1+ (flymake-diagnostic-beg first)))
                (jsonrpc-request server :textDocument/hover
                                 (eglot--TextDocumentPositionParams)))))
  (princ (concat "RESULT "
                 (json-encode `((findings . ,(length found))
                                (message . ,(and first (flymake-diagnostic-text first)))
                                (line . ,(and first (line-number-at-pos (flymake-diagnostic-beg first))))
                                (hover . ,(plist-get (plist-get hover :contents) :value))))
                 "\n"))
  (ignore-errors (eglot-shutdown server)))
