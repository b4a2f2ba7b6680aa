"""Image classifiers with batch norm."""

import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    """Convolution 3×3 with padding 1 and no bias, batch norm, ReLU."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class SmallNet(nn.Module):
    """Four units, global average pool, linear; the loss is the mean cross-entropy."""

    def __init__(self, widths=(16, 32, 32, 64), strides=(1, 2, 1, 2), classes=10):
        super().__init__()
        ends = (3,) + tuple(widths)
        self.units = nn.ModuleList(
            Unit(ends[i], ends[i + 1], strides[i]) for i in range(len(widths)))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images, labels):
        for unit in self.units:
            images = unit(images)
        return F.cross_entropy(self.head(images.mean((2, 3))), labels)


class Residual(nn.Module):
    """Two 3×3 convolutions with batch norm beside the identity, or beside a 1×1 convolution with
    batch norm where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return F.relu(y, inplace=True)


class ResNet(nn.Module):
    """The CIFAR form of ResNet: 6 · blocks + 2 layers; K. He et al., arXiv:1512.03385."""

    def __init__(self, blocks=3, widths=(16, 32, 64), classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        layers, inputs = [], widths[0]
        for stage, width in enumerate(widths):
            for place in range(blocks):
                stride = 2 if stage > 0 and place == 0 else 1
                layers.append(Residual(inputs, width, stride))
                inputs = width
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, images, labels):
        x = F.relu(self.bn1(self.conv1(images)), inplace=True)
        x = self.layers(x).mean((2, 3))
        return F.cross_entropy(self.fc(x), labels)
