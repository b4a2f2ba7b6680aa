"""Uses a server as programs do: with the official Python client.

    openai_client.py URL MODEL

URL is a running server's without a key; MODEL is a chat model on it. Nothing is assumed of what it
says. Exits with 1 when a check fails.
"""

import base64
import json
import struct
import sys
import traceback

import openai

url, model = sys.argv[1:3]
client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
question = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]


def it_lists_models():
    names = [entry.id for entry in client.models.list()]
    assert model in names, names
    assert client.models.retrieve(model).id == model


def it_chats():
    answer = client.chat.completions.create(
        model=model, messages=question, max_tokens=12, temperature=0)
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and isinstance(choice.message.content, str)
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == (
        answer.usage.prompt_tokens + answer.usage.completion_tokens)
    assert answer.usage.completion_tokens <= 12


def it_streams_the_same():
    whole = client.chat.completions.create(
        model=model, messages=question, max_tokens=20, temperature=0)
    text, reasons, usage = "", [], None
    for chunk in client.chat.completions.create(
            model=model, messages=question, max_tokens=20, temperature=0, stream=True,
            stream_options={"include_usage": True}):
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            if choice.finish_reason:
                reasons.append(choice.finish_reason)
    assert text == whole.choices[0].message.content
    assert reasons == [whole.choices[0].finish_reason]
    assert usage.completion_tokens == whole.usage.completion_tokens


def it_repeats_what_is_seeded():
    texts = {client.chat.completions.create(
        model=model, messages=question, max_tokens=16, temperature=1, seed=7
    ).choices[0].message.content for _ in range(3)}
    assert len(texts) == 1, texts


def it_gives_several_answers():
    answer = client.chat.completions.create(
        model=model, messages=question, max_tokens=16, temperature=1.5, n=4, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert len({choice.message.content for choice in answer.choices}) > 1


def it_stops_at_texts():
    whole = client.completions.create(
        model=model, prompt="Once upon a time", max_tokens=40, temperature=0).choices[0].text
    middle = len(whole) // 2
    stop = whole[middle:middle + 3]
    cut = client.completions.create(
        model=model, prompt="Once upon a time", max_tokens=40, temperature=0, stop=[stop])
    assert cut.choices[0].text == whole[:whole.index(stop)], (whole, cut.choices[0].text)
    assert cut.choices[0].finish_reason == "stop"
    streamed = "".join(
        chunk.choices[0].text for chunk in client.completions.create(
            model=model, prompt="Once upon a time", max_tokens=40, temperature=0, stop=[stop],
            stream=True))
    assert streamed == cut.choices[0].text


def it_tells_probabilities():
    answer = client.chat.completions.create(
        model=model, messages=question, max_tokens=5, temperature=0, logprobs=True,
        top_logprobs=3)
    tokens = answer.choices[0].logprobs.content
    assert 1 <= len(tokens) <= 5
    for token in tokens:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        # The most likely token was taken.
        assert token.logprob == token.top_logprobs[0].logprob
    text = b"".join(bytes(token.bytes or []) for token in tokens)
    assert text.decode("utf-8", "replace").startswith(answer.choices[0].message.content)


def it_follows_biases_and_penalties():
    first = client.completions.create(
        model=model, prompt="The", max_tokens=1, temperature=0, logprobs=2)
    best = first.choices[0].logprobs.tokens[0]
    for token in range(0, 2000):
        biased = client.completions.create(
            model=model, prompt="The", max_tokens=1, temperature=0, logprobs=1,
            logit_bias={str(token): 100})
        # A bias for a token that ends texts gives an empty one.
        probabilities = biased.choices[0].logprobs
        if probabilities and probabilities.tokens[0] != best:
            break
    assert probabilities and probabilities.tokens[0] != best
    repeated = client.completions.create(
        model=model, prompt="The", max_tokens=120, temperature=0)
    varied = client.completions.create(
        model=model, prompt="The", max_tokens=120, temperature=0, frequency_penalty=2,
        presence_penalty=2)
    assert repeated.choices[0].text != varied.choices[0].text


def it_embeds():
    result = client.embeddings.create(model=model, input=["a cat", "a cat", "the end of it"])
    first, same, other = (entry.embedding for entry in result.data)
    assert first == same != other
    assert abs(sum(value * value for value in first) - 1) < 1e-5
    raw = client.embeddings.create(model=model, input="a cat", encoding_format="base64")
    data = base64.b64decode(raw.data[0].embedding)
    decoded = struct.unpack(f"<{len(data) // 4}f", data)
    assert all(abs(one - two) < 1e-6 for one, two in zip(decoded, first))


def it_holds_answers_to_a_schema():
    schema = {
        "type": "object", "additionalProperties": False, "required": ["name", "age", "kind"],
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "kind": {"enum": ["cat", "dog"]},
        },
    }
    for seed in range(5):
        answer = client.chat.completions.create(
            model=model, messages=question, max_tokens=120, temperature=1.2, seed=seed,
            response_format={"type": "json_schema", "json_schema": {
                "name": "pet", "schema": schema, "strict": True}})
        assert answer.choices[0].finish_reason == "stop"
        pet = json.loads(answer.choices[0].message.content)
        assert list(pet) == ["name", "age", "kind"]
        assert len(pet["name"]) <= 20 and 0 <= pet["age"] <= 120 and pet["kind"] in ("cat", "dog")
    answer = client.chat.completions.create(
        model=model, messages=question, max_tokens=200, temperature=0,
        response_format={"type": "json_object"})
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(answer.choices[0].message.content), dict)


# Short, so that models of few positions take them, too.
tools = [{"type": "function", "function": {
    "name": name, "parameters": {"required": ["at"], "properties": {"at": {"enum": [1, 2]}}}}}
    for name in ("a", "b")]


def it_calls_tools():
    for choice, allowed in (("required", {"a", "b"}),
                            ({"type": "function", "function": {"name": "b"}}, {"b"})):
        answer = client.chat.completions.create(
            model=model, messages=question[1:], max_tokens=50, temperature=0, tools=tools,
            tool_choice=choice)
        call = answer.choices[0].message.tool_calls[0]
        assert answer.choices[0].finish_reason == "tool_calls"
        assert call.function.name in allowed and call.id
        assert json.loads(call.function.arguments)["at"] in (1, 2)
    # The call and its result go back, and the model goes on.
    messages = question[1:] + [
        answer.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "Rain."}]
    again = client.chat.completions.create(
        model=model, messages=messages, max_tokens=8, tools=tools[:1])
    assert again.choices[0].finish_reason in ("stop", "length", "tool_calls")
    name, arguments, reason = "", "", None
    for chunk in client.chat.completions.create(
            model=model, messages=question[1:], max_tokens=50, temperature=0, tools=tools,
            tool_choice="required", stream=True):
        for part in chunk.choices[0].delta.tool_calls or []:
            name += part.function.name or ""
            arguments += part.function.arguments or ""
        reason = chunk.choices[0].finish_reason or reason
    assert name in ("a", "b") and "at" in json.loads(arguments)
    assert reason == "tool_calls"


def it_says_what_is_wrong():
    def fails(kind, status, call, parameter=None):
        try:
            call()
        except kind as error:
            assert error.status_code == status, (error.status_code, error)
            assert error.body["message"] and error.body["type"], error.body
            if parameter:
                assert error.body["param"] == parameter, error.body
            return
        raise AssertionError(f"no {kind.__name__}")

    chat = client.chat.completions.create
    fails(openai.NotFoundError, 404, lambda: chat(model="none", messages=question), "model")
    fails(openai.BadRequestError, 400, lambda: chat(model=model, messages=[]), "messages")
    fails(openai.BadRequestError, 400,
          lambda: chat(model=model, messages=question, temperature=-1), "temperature")
    fails(openai.BadRequestError, 400,
          lambda: chat(model=model, messages=question, max_tokens=0), "max_tokens")
    fails(openai.BadRequestError, 400,
          lambda: chat(model=model, messages=[{"role": "wizard", "content": "x"}]),
          "messages[0].role")
    fails(openai.BadRequestError, 400,
          lambda: chat(model=model, messages=[{"role": "user", "content": "x " * 100_000}]))
    fails(openai.BadRequestError, 400, lambda: chat(
        model=model, messages=question, response_format={
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"not": {}}}}), "response_format")
    fails(openai.BadRequestError, 400,
          lambda: chat(model=model, messages=question, tool_choice="required"), "tool_choice")
    fails(openai.BadRequestError, 400,
          lambda: client.embeddings.create(model=model, input=[]), "input")
    fails(openai.NotFoundError, 404, lambda: client.models.retrieve("none"))


failures = 0
for name, check in list(globals().items()):
    if not name.startswith("it_"):
        continue
    try:
        check()
        print("ok    ", name.replace("_", " "), flush=True)
    except Exception:  # Each check is told of, however it failed.
        failures += 1
        traceback.print_exc()
        print("FAILED", name.replace("_", " "), flush=True)
sys.exit(1 if failures else 0)
