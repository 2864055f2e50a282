-- nvim --headless -u NONE -l is not in Debian's 0.7: run with -S. Opens $QRM_FILE, prints what the server gave as JSON.
local function out(value)
  io.stdout:write('RESULT ' .. vim.json.encode(value) .. '\n')
end
local client_id = vim.lsp.start_client({
  name = 'qrm-lens',
  cmd = { vim.env.QRM_NODE, vim.env.QRM_CLI, 'lsp', '--stdio' },
  root_dir = vim.fn.fnamemodify(vim.env.QRM_FILE, ':h'),
  init_options = { settings = { model = { path = vim.env.QRM_MODEL }, threads = 1 } },
})
vim.cmd('edit ' .. vim.fn.fnameescape(vim.env.QRM_FILE))
local buffer = vim.api.nvim_get_current_buf()
vim.lsp.buf_attach_client(buffer, client_id)
local shown = vim.wait(240000, function()
  return #vim.diagnostic.get(buffer) > 0
end, 100)
local found = vim.diagnostic.get(buffer)
local first = found[1] or {}
local function ask(method, params)
  local answer = vim.lsp.buf_request_sync(buffer, method, params, 60000) or {}
  return (answer[client_id] or {}).result
end
local uri = vim.uri_from_bufnr(buffer)
local hover = ask('textDocument/hover', {
  textDocument = { uri = uri },
  position = { line = first.lnum or 0, character = (first.col or 0) + 1 },
})
local lenses = ask('textDocument/codeLens', { textDocument = { uri = uri } }) or {}
local copied = lenses[1]
  and ask('workspace/executeCommand', {
    command = 'qrmLens.copyDistribution',
    arguments = lenses[1].command.arguments,
  })
out({
  shown = shown,
  findings = #found,
  code = first.code,
  line = first.lnum,
  column = first.col,
  hover = hover and hover.contents.value,
  lens = lenses[1] and lenses[1].command.title,
  levels = copied and #copied.levels,
})
vim.cmd('qall!')
