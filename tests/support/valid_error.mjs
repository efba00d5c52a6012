// What strict clients insist on in the body of a failure, by dialect.
import assert from 'node:assert/strict';
import { isText } from './valid_values.mjs';

// Each dialect's body of a failure; gives back {message, word}.
export const validError = {
  openai(body) {
    assert.deepEqual(Object.keys(body), ['error']);
    assert.deepEqual(Object.keys(body.error).sort(), ['code', 'message', 'param', 'type']);
    isText(body.error.message, 'message');
    isText(body.error.type, 'type');
    for (const name of ['param', 'code']) assert.ok(body.error[name] === null || (typeof body.error[name] === 'string' && !/^(None|null|undefined)?$/.test(body.error[name])), `${name}: ${body.error[name]}`);
    return { message: body.error.message, word: body.error.code ?? body.error.type };
  },
  anthropic(body) {
    assert.equal(body.type, 'error');
    isText(body.error.type, 'type');
    isText(body.error.message, 'message');
    return { message: body.error.message, word: body.error.type };
  },
  mistral(body) {
    if (Array.isArray(body.detail)) {
      for (const entry of body.detail) { isText(entry.msg, 'msg'); assert.ok(Array.isArray(entry.loc)); }
      return { message: body.detail[0].msg, word: 'detail' };
    }
    assert.equal(body.object, 'error');
    isText(body.message, 'message');
    isText(body.type, 'type');
    return { message: body.message, word: body.type };
  },
};
validError.responses = validError.openai;
